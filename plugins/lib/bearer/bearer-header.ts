// RFC 6750: how a bearer token comes, and how it is asked for.
import type { Exchange } from '../../../core/index.ts'

/** Several Authorization headers, or one that is no single token: this end and the service could read different ones. */
export const twoTokens: unique symbol = Symbol('more than one token')

/** A JWT of an issuer with many groups has a few KiB. */
const maxLength = 16_384

/** Undefined: nobody sent one. In the header only: what stands in a query is in every log (RFC 9700 section 4.3.2). */
export function bearerToken(x: Pick<Exchange, 'headerAll'>): string | undefined | typeof twoTokens {
  const values = x.headerAll('authorization')
  if (values.length > 1) return twoTokens
  const [value] = values
  if (value === undefined || !/^bearer(?: |$)/i.test(value)) return undefined
  const token = value.slice('bearer'.length).trim()
  return token.length <= maxLength && /^[A-Za-z0-9\-._~+/]+=*$/.test(token) ? token : twoTokens
}

type ErrorWord = 'invalid_request' | 'invalid_token' | 'insufficient_scope'

/** Section 3.1: without a token, no error. Words are ours and hold no quotes. */
export function bearerChallenge(error?: ErrorWord, description?: string, scopes: readonly string[] = []): string {
  if (error === undefined) return 'Bearer'
  const parts = [`error="${error}"`]
  if (description !== undefined) parts.push(`error_description="${description}"`)
  if (scopes.length > 0) parts.push(`scope="${scopes.join(' ')}"`)
  return `Bearer ${parts.join(', ')}`
}
