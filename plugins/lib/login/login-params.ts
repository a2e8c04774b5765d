// What whoever starts a login may say to the identity provider: the names of `auth.pass_params`, each once, in bounds.
import type { Params } from '../idp/idp.ts'

const maxLength = 256
const prompts = new Set(['none', 'login', 'consent', 'select_account', 'create'])

/** A parameter that came twice is dropped: of two parsers each might believe another one (RFC 6749 section 3.1). */
export function passedParams(asked: URLSearchParams, names: readonly string[]): Params {
  return names.flatMap((name): [string, string][] => {
    const [value, ...more] = asked.getAll(name)
    return value === undefined || more.length > 0 || !isFit(name, value) ? [] : [[name, value]]
  })
}

function isFit(name: string, value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (value === '' || value.length > maxLength || /[\u0000-\u001f\u007f-\u009f\p{Surrogate}]/u.test(value)) return false
  if (name === 'max_age') return /^\d{1,9}$/.test(value)
  return name !== 'prompt' || value.split(' ').every((word) => prompts.has(word))
}

/** Seconds since the user last proved who they are, which the ID token must then tell (OIDC Core 3.1.3.7, item 13). */
export function maxAgeOf(...params: Params[]): number | undefined {
  const ages = params.flat().flatMap(([name, value]) => (name === 'max_age' ? [Number(value)] : []))
  return ages.find((age) => Number.isSafeInteger(age) && age >= 0)
}
