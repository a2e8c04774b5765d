import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'

export type Verdict =
  | { readonly kind: 'verified'; readonly claims: JWTPayload }
  /** `challenge`: for WWW-Authenticate (RFC 6750 section 3). `detail` names what was wrong, never the token. */
  | { readonly kind: 'refused'; readonly detail: string; readonly challenge: string }

export interface Expected {
  readonly issuer: string
  readonly audience: string
  /** Unless false: `aud` must be exactly the audience. */
  readonly alone?: boolean
}

/** Signature, issuer, expiry, and that the token was made for this service. */
export function createVerifier({ issuer, audience, alone = true }: Expected) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`), { cooldownDuration: 1000 })
  return async (authorization: string | undefined): Promise<Verdict> => {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined)
      return { kind: 'refused', detail: 'no bearer token was sent', challenge: `Bearer realm="${audience}"` }
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, algorithms: ['RS256', 'ES256', 'PS256'] })
      const asked = [payload.aud ?? []].flat()
      // A token for several services could be replayed by one of them against the others.
      if (!asked.includes(audience) || (alone && asked.length !== 1))
        return refused(`its aud is ${asked.join(', ') || 'absent'}, not ${audience}`)
      return { kind: 'verified', claims: payload }
    } catch (error) {
      return refused(reasonOf(error))
    }
  }
}

function refused(detail: string): Verdict {
  const challenge = `Bearer error="invalid_token", error_description="${detail.replaceAll(/[^\x20-\x7e]|["\\]/g, "'")}"`
  return { kind: 'refused', detail, challenge }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim ${error.claim} does not fit (${error.reason})`
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not fit'
  if (error instanceof errors.JWKSNoMatchingKey) return 'it was signed with a key that the issuer does not publish'
  if (error instanceof errors.JOSEError) return error.message
  return 'the keys of the issuer cannot be had'
}
