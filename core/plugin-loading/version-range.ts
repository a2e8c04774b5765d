// The ranges that stand in peerDependencies: ^ ~ >= > <= < = x-ranges, hyphens, blanks for "and", || for "or".

type Version = readonly [major: number, minor: number, patch: number]
/** What a version may be: from (inclusive) to (exclusive). */
interface Span {
  readonly from: Version
  readonly to: Version
}

const first: Version = [0, 0, 0]
const last: Version = [Number.POSITIVE_INFINITY, 0, 0]

/** Undefined: the range cannot be read. A prerelease counts as the release it leads to, so that plugins can be tried against one. */
export function inRange(version: string, range: string): boolean | undefined {
  const own = parse(version)
  const alternatives = range.split('||').map(spansOf)
  if (own === undefined || alternatives.includes(undefined)) return undefined
  return alternatives.some((spans) =>
    spans!.every(({ from, to }) => compare(own.version, from) >= 0 && compare(own.version, to) < 0),
  )
}

/** All of them must hold. */
function spansOf(text: string): readonly Span[] | undefined {
  const [, low, high] = /^\s*(\S+)\s+-\s+(\S+)\s*$/.exec(text) ?? []
  const words = low && high ? [`>=${low}`, `<=${high}`] : text.replace(/([<>=^~])\s+/g, '$1').split(/\s+/)
  const spans = words.filter((word) => word !== '').map(spanOf)
  return spans.includes(undefined) ? undefined : (spans as readonly Span[])
}

function spanOf(word: string): Span | undefined {
  const [, operator = '', rest = ''] = /^(\^|~>?|>=|<=|>|<|=)?(.*)$/.exec(word)!
  const partial = parse(rest)
  if (partial === undefined) return undefined
  const { version, given } = partial
  const next = given === 0 ? last : bump(version, given - 1)
  switch (operator) {
    case '>=':
      return { from: version, to: last }
    case '>':
      return { from: next, to: last }
    case '<':
      return { from: first, to: version }
    case '<=':
      return { from: first, to: next }
    case '^':
      return { from: version, to: given === 0 ? last : bump(version, leading(version, given)) }
    case '~':
    case '~>':
      return { from: version, to: given === 0 ? last : bump(version, Math.min(given - 1, 1)) }
    default:
      return { from: version, to: next }
  }
}

/** `given`: how many numbers were written; the rest are 0. */
function parse(text: string): { readonly version: Version; readonly given: number } | undefined {
  const match = /^v?(\d+|[xX*])?(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-[\w.-]+)?(?:\+[\w.-]+)?$/.exec(text)
  if (!match) return undefined
  const parts = match.slice(1, 4)
  const open = parts.findIndex((part) => part === undefined || !/^\d+$/.test(part))
  const given = open === -1 ? 3 : open
  const [major = 0, minor = 0, patch = 0] = parts.slice(0, given).map(Number)
  return { version: [major, minor, patch], given }
}

/** What `^` may not change: the first number that is not 0, else the last that was written. */
function leading(version: Version, given: number): number {
  const at = version.findIndex((part) => part > 0)
  return at === -1 || at >= given ? given - 1 : at
}

function bump([major, minor, patch]: Version, at: number): Version {
  if (at === 0) return [major + 1, 0, 0]
  return at === 1 ? [major, minor + 1, 0] : [major, minor, patch + 1]
}

function compare(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1
  return 0
}
