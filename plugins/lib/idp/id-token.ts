import { createHash } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import type { IDToken } from 'openid-client'
import { IdpAnswerUnfit } from './idp-errors.ts'

/** Seconds between two clocks that both think they are right. */
const maxSkew = 60

/** What the library leaves to us (OIDC Core 2 and 3.1.3.7); it has checked the signature, `iss`, `aud`, `exp`, `nbf` and `nonce`. */
export function checkIdToken({ sub, azp, iat }: IDToken, clientId: string, now: number): void {
  // Half a surrogate pair has no UTF-8: in X-Original-User all such users would be one.
  if (sub === '' || sub.length > 255 || /\p{Surrogate}/u.test(sub))
    throw new IdpAnswerUnfit('the ID token has a sub that is empty, longer than 255 characters or no Unicode text')
  if (azp !== undefined && azp !== clientId)
    throw new IdpAnswerUnfit('the ID token is made out to another client (azp)')
  const ahead = Math.round(iat - now / 1000)
  if (ahead > maxSkew)
    throw new IdpAnswerUnfit(`the ID token was issued ${ahead} s in the future; compare the clocks of both servers`)
}

const halves: Readonly<Record<string, string>> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' }

/** The access token beside it is the one it was issued with (OIDC Core 3.1.3.8), where the ID token says so. */
export function checkAccessHash(idToken: string, expected: unknown, accessToken: string): void {
  if (expected === undefined) return
  const { alg = '' } = decodeProtectedHeader(idToken)
  const digest = createHash(halves[alg.slice(2)] ?? 'sha512')
    .update(accessToken)
    .digest()
  if (digest.subarray(0, digest.length / 2).toString('base64url') !== expected)
    throw new IdpAnswerUnfit('the ID token was issued with another access token (at_hash)')
}
