/** The known word that was probably meant, if one is near enough to be said aloud. */
export function likely(word: string, known: Iterable<string>): string | undefined {
  const wanted = plain(word)
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const far = distance(wanted, plain(candidate))
    if (far < least && far <= allowed(wanted, candidate)) {
      best = candidate
      least = far
    }
  }
  return best
}

/** ` (did you mean "y"?)`, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const guess = likely(word, known)
  return guess === undefined ? '' : ` (did you mean "${guess}"?)`
}

/** `baseUrl`, `base-url` and `Base_URL` are all a slip for `base_url`. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[-_. ]/g, '')
}

/** About one slip in three letters, so that short words do not match just anything. */
function allowed(word: string, candidate: string): number {
  return Math.max(1, Math.floor(Math.min(word.length, candidate.length) / 3))
}

/** Damerau-Levenshtein (optimal string alignment): insert, delete, replace, swap two neighbours. */
export function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return Number.POSITIVE_INFINITY
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) row.push(cell(a, b, i, j, row, last, before))
    before = last
    last = row
  }
  return last[b.length]!
}

function cell(a: string, b: string, i: number, j: number, row: number[], last: number[], before: number[]): number {
  const same = a[i - 1] === b[j - 1] ? 0 : 1
  const least = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + same)
  const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
  return swapped ? Math.min(least, before[j - 2]! + 1) : least
}
