import { editDistance } from '../../../core/index.ts'

/** How two audiences differ that people would take for one; audiences are compared to the letter. */
type Likeness = 'slash' | 'case' | 'scheme' | 'misspelt'

const words: Readonly<Record<Likeness, string>> = {
  slash: 'a slash at the end',
  case: 'upper and lower case',
  scheme: 'the scheme',
  misspelt: 'a letter or two',
}

/** Undefined: equal, or nothing alike. */
export function likeness(one: string, other: string): Likeness | undefined {
  if (one === other) return undefined
  if (bare(one) === bare(other)) return 'slash'
  if (one.toLowerCase() === other.toLowerCase()) return 'case'
  if (schemeless(one) === schemeless(other)) return 'scheme'
  // Short words are all alike: crm and crd are two systems.
  const short = Math.min(one.length, other.length)
  return short >= 4 && editDistance(one.toLowerCase(), other.toLowerCase()) <= (short < 8 ? 1 : 2)
    ? 'misspelt'
    : undefined
}

export function differsBy(one: string, other: string): string {
  const how = likeness(one, other)
  return how === undefined ? 'entirely' : words[how]
}

/** The candidate that is most alike. */
export function nearest(wanted: string, candidates: Iterable<string>): string | undefined {
  const order: readonly Likeness[] = ['slash', 'case', 'scheme', 'misspelt']
  let best: string | undefined
  let rank = order.length
  for (const candidate of candidates) {
    const how = likeness(wanted, candidate)
    if (how === undefined || order.indexOf(how) >= rank) continue
    best = candidate
    rank = order.indexOf(how)
  }
  return best
}

/** What people most often write instead: to be asked for where nobody says what would be right. */
export function slipsOf(audience: string): readonly string[] {
  const slash = audience.endsWith('/') ? audience.replace(/\/+$/, '') : `${audience}/`
  const scheme = audience.startsWith('https:')
    ? audience.replace('https:', 'http:')
    : audience.replace(/^http:/, 'https:')
  return [...new Set([slash, scheme, audience.toLowerCase()])].filter((slip) => slip !== audience)
}

function bare(text: string): string {
  return text.replace(/\/+$/, '')
}

function schemeless(text: string): string {
  return bare(text.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').toLowerCase())
}
