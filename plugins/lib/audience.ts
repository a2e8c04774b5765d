import { decodeJwt, type JWTPayload } from 'jose'

/** A token above this is no token any backend would take in a header. */
const maxLength = 16 * 1024
/** An IdP whose clock is behind ours by more than this gives tokens that our backends find expired. */
const maxSkew = 60_000
/** Some IdPs say "never" with a number that no calendar holds: a date made of it would throw. */
export const longestLife = 36_525 * 86_400_000
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/

export interface Expected {
  readonly audience: string
  readonly issuer: string
  /** What the token endpoint's `expires_in` comes to. Both in ms since the epoch by the wall clock, as `exp` is. */
  readonly expiresAt: number
  readonly now: number
}

/** `got`: audiences only, never the token. */
export type Judged =
  | { readonly kind: 'good'; readonly expiresAt: number }
  | {
      readonly kind: 'bad'
      readonly reason: 'audience_mismatch' | 'denied_by_idp'
      readonly got: readonly string[]
      readonly words: string
    }

/**
 * Whether a freshly minted token is the one that was asked for (RFC 9700 2.3): IdPs answer 200 with a token for somebody else. Its
 * signature is the backend's to verify; it came from the token endpoint over a connection of ours.
 */
export function judgeToken(token: string, expected: Expected): Judged {
  if (token.length > maxLength)
    return bad('denied_by_idp', [], `a token of ${token.length} characters; at most ${maxLength} are taken`)
  const payload = compactJws.test(token) ? payloadOf(token) : undefined
  if (payload === undefined)
    return bad('audience_mismatch', [], 'an opaque token, whose audience cannot be checked; have the IdP issue JWTs')
  const got = audiencesOf(payload)
  if (!got.includes(expected.audience))
    return bad('audience_mismatch', got, 'a token for another audience; the value must be equal to the letter')
  if (payload.iss !== undefined && !sameIssuer(payload.iss, expected.issuer))
    return bad('audience_mismatch', got, `a token of another issuer, ${String(payload.iss).slice(0, 200)}`)
  return lifeOf(payload, got, expected)
}

/** Discovery takes an issuer with or without its final slash, and the tokens then say the IdP's own form. */
export function sameIssuer(one: string, other: string): boolean {
  return String(one).replace(/\/$/, '') === other.replace(/\/$/, '')
}

export function holdsAudience(token: string, audience: string): boolean {
  const payload = compactJws.test(token) ? payloadOf(token) : undefined
  return payload !== undefined && audiencesOf(payload).includes(audience)
}

/** The earlier of `expires_in` and `exp`: backends go by `exp`, and its whole seconds end up to a second sooner. Never endless: dates end. */
function lifeOf(payload: JWTPayload, got: readonly string[], { now, expiresAt }: Expected): Judged {
  const exp = typeof payload.exp === 'number' ? payload.exp * 1000 : Number.POSITIVE_INFINITY
  if (Number.isNaN(expiresAt)) return bad('denied_by_idp', got, 'a token without a lifetime')
  if (exp > now) return { kind: 'good', expiresAt: Math.min(exp, expiresAt, now + longestLife) }
  if (now - exp <= maxSkew && expiresAt > now) return { kind: 'good', expiresAt }
  return bad('denied_by_idp', got, `a token that expired ${Math.round((now - exp) / 1000)} s ago; compare the clocks`)
}

function payloadOf(token: string): JWTPayload | undefined {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}

function audiencesOf({ aud }: JWTPayload): readonly string[] {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return list.filter((value): value is string => typeof value === 'string')
}

function bad(reason: 'audience_mismatch' | 'denied_by_idp', got: readonly string[], words: string): Judged {
  return { kind: 'bad', reason, got: got.slice(0, 20).map((value) => value.slice(0, 200)), words }
}
