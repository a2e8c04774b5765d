import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import { boundCertificate } from './certificate-binding.ts'
import type { TokenReason } from './reasons.ts'

/** A token above this is no token any backend would take in a header. */
const maxLength = 16 * 1024
/** An IdP whose clock is behind ours by more than this gives tokens that our backends find expired. */
const maxSkew = 60_000
/** Some IdPs say "never" with a number that no calendar holds: a date made of it would throw. */
export const longestLife = 36_525 * 86_400_000
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/

export interface Expected {
  readonly audience: string
  /** `exact`: no other audience beside it. */
  readonly match: 'exact' | 'includes'
  readonly issuer: string
  /** Thumbprint of the certificate that the service is shown. Absent: none. */
  readonly certificate?: string | undefined
  /** What the token must allow. */
  readonly scopes: readonly string[]
  /** What the token endpoint says it allows, blank-separated. Absent: the token's own claim, if it has one. */
  readonly scope?: string
  /** What the token endpoint's `expires_in` comes to. Both in ms since the epoch by the wall clock, as `exp` is. */
  readonly expiresAt: number
  readonly now: number
}

/** `got`: audiences only, never the token. */
export type Judged =
  | { readonly kind: 'good'; readonly expiresAt: number; readonly certificate?: string }
  | {
      readonly kind: 'bad'
      readonly reason: Extract<
        TokenReason,
        | 'audience_mismatch'
        | 'certificate_mismatch'
        | 'issuer_mismatch'
        | 'not_granted'
        | 'token_expired'
        | 'token_opaque'
        | 'wrong_token_type'
      >
      readonly got: readonly string[]
      readonly words: string
    }

/**
 * Whether a freshly minted token is the one that was asked for (RFC 9700 2.3): IdPs answer 200 with a token for somebody else. Its
 * signature is the backend's to verify; it came from the token endpoint over a connection of ours.
 */
export function judgeToken(token: string, expected: Expected): Judged {
  if (token.length > maxLength)
    return bad('wrong_token_type', [], `a token of ${token.length} characters; at most ${maxLength} are taken`)
  const payload = isOpaque(token) ? undefined : payloadOf(token)
  if (payload === undefined)
    return bad('token_opaque', [], 'an opaque token, whose audience cannot be checked; have the IdP issue JWTs')
  return isIdToken(token, payload)
    ? bad('wrong_token_type', audiencesOf(payload), 'an ID token, which is for this client and no service')
    : judgeClaims(payload, expected)
}

/** No JWT: only the IdP knows what it is for. */
export function isOpaque(token: string): boolean {
  return !compactJws.test(token) || payloadOf(token) === undefined
}

/** Of a token, or of what introspection says of one (RFC 7662 section 2.2). */
export function judgeClaims(payload: JWTPayload, expected: Expected): Judged {
  const got = audiencesOf(payload)
  if (!got.includes(expected.audience))
    return bad('audience_mismatch', got, 'a token for another audience; the value must be equal to the letter')
  if (expected.match === 'exact' && got.some((audience) => audience !== expected.audience))
    return bad('audience_mismatch', got, 'a token for other audiences too, where match: exact is wanted')
  if (payload.iss !== undefined && !sameIssuer(payload.iss, expected.issuer))
    return bad('issuer_mismatch', got, `a token of another issuer, ${String(payload.iss).slice(0, 200)}`)
  if (lacksScopes(payload, expected))
    return bad(
      'not_granted',
      got,
      `a token without any of ${expected.scopes.join(' ').slice(0, 200)} of service_scopes`,
    )
  const certificate = boundCertificate(payload)
  if (certificate !== undefined && certificate !== expected.certificate)
    return bad('certificate_mismatch', got, boundElsewhere(expected.certificate !== undefined))
  const judged = lifeOf(payload, got, expected)
  return judged.kind === 'bad' || certificate === undefined ? judged : { ...judged, certificate }
}

function boundElsewhere(shown: boolean): string {
  const what = 'a token bound to the certificate that the identity provider was shown (settings.yaml, auth.client_cert)'
  return shown
    ? `${what}, and tls.cert of this service in routes.yaml is another one`
    : `${what}, and this service in routes.yaml has no tls.cert: give it that certificate, and tls.key`
}

/** What IdPs take as a request and never name as granted: OpenID Connect's own scopes, and Entra's "all there is". */
const neverNamed = /^(openid|offline_access|profile|email|address|phone)$|\/\.default$/

/** Whether none is there: a service's scopes may be alternatives (`api.read | application.all`), and it judges by itself what one allows. */
function lacksScopes(payload: JWTPayload, { scopes, scope }: Expected): boolean {
  const said = scope ?? payload.scope ?? payload.scp
  const list: unknown = typeof said === 'string' ? said.split(' ') : said
  const wanted = scopes.filter((name) => !neverNamed.test(name))
  if (!Array.isArray(list) || list.length === 0 || wanted.length === 0) return false
  return !wanted.some((name) => list.includes(name))
}

/** Keycloak says `typ: ID` in the claims; `at_hash` is in no access token. */
function isIdToken(token: string, payload: JWTPayload): boolean {
  if (payload.at_hash !== undefined || payload.typ === 'ID') return true
  try {
    return /^(?:application\/)?(?:logout|secevent|id_token)\+?/i.test(String(decodeProtectedHeader(token).typ ?? ''))
  } catch {
    return true
  }
}

/** Discovery takes an issuer with or without its final slash, and the tokens then say the IdP's own form. */
export function sameIssuer(one: string, other: string): boolean {
  return String(one).replace(/\/$/, '') === other.replace(/\/$/, '')
}

export function holdsAudience(token: string, audience: string): boolean {
  const payload = compactJws.test(token) ? payloadOf(token) : undefined
  return payload !== undefined && audiencesOf(payload).includes(audience)
}

/**
 * The earlier of `expires_in` and `exp`: backends go by `exp`, and its whole seconds end up to a second sooner. Never endless: dates end.
 * `expires_in` counts from the question; of an answer that took longer than the token lives, only `exp` can tell.
 */
function lifeOf(payload: JWTPayload, got: readonly string[], { now, expiresAt }: Expected): Judged {
  const exp = typeof payload.exp === 'number' ? payload.exp * 1000 : Number.POSITIVE_INFINITY
  if (Number.isNaN(expiresAt)) return bad('token_expired', got, 'a token without a lifetime')
  const late = expiresAt <= now
  if (exp > now && !(late && exp === Number.POSITIVE_INFINITY))
    return { kind: 'good', expiresAt: Math.min(exp, late ? exp : expiresAt, now + longestLife) }
  if (now - exp <= maxSkew && expiresAt > now) return { kind: 'good', expiresAt }
  return bad('token_expired', got, `a token that expired ${Math.round((now - exp) / 1000)} s ago; compare the clocks`)
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

function bad(reason: Extract<Judged, { kind: 'bad' }>['reason'], got: readonly string[], words: string): Judged {
  return { kind: 'bad', reason, got: got.slice(0, 20).map((value) => value.slice(0, 200)), words }
}
