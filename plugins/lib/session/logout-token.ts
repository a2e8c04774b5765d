// What makes a logout token one (OpenID Connect Back-Channel Logout 1.0, section 2.6).
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { KeysUnavailable } from '../bearer/key-set.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
const skew = 60
/** Seconds. Not every provider says when its token ends, and one without an end must not be good for ever. */
export const maxLogoutTokenAge = 600
const maxLength = 16_384

export interface LogoutToken {
  readonly issuer: string
  readonly jti: string
  readonly sub: string | undefined
  readonly sid: string | undefined
}

interface LogoutChecks {
  readonly key: JWTVerifyGetKey
  readonly issuer: string
  readonly clientId: string
  /** As for ID tokens. */
  readonly algorithms: string[]
}

/** Its message goes to the identity provider: it says which rule was broken, and nothing of ours. */
export class LogoutTokenUnfit extends Error {}

export async function readLogoutToken(token: string, checks: LogoutChecks): Promise<LogoutToken> {
  if (token.length > maxLength) throw new LogoutTokenUnfit('the logout token is too long')
  const { payload, protectedHeader } = await verified(token, checks)
  // Plain `JWT` says nothing, and is what many send; anything else was made for another purpose.
  const { typ = 'JWT' } = protectedHeader
  if (!/^(application\/)?(logout\+jwt|jwt)$/i.test(typ)) throw new LogoutTokenUnfit(`typ is not logout+jwt`)
  return claimsOf(payload, checks)
}

async function verified(token: string, { key, issuer, clientId, algorithms }: LogoutChecks) {
  try {
    return await jwtVerify(token, key, {
      ...{ algorithms, issuer, audience: clientId },
      ...{ clockTolerance: skew, maxTokenAge: maxLogoutTokenAge, requiredClaims: ['iss', 'aud', 'iat', 'jti'] },
    })
  } catch (error) {
    if (error instanceof KeysUnavailable) throw error
    if (error instanceof errors.JWTClaimValidationFailed) throw new LogoutTokenUnfit(`${error.claim} does not fit`)
    if (error instanceof errors.JWTExpired) throw new LogoutTokenUnfit(`the logout token is too old (${error.claim})`)
    throw new LogoutTokenUnfit('the logout token cannot be read, or its signature does not fit')
  }
}

function claimsOf(payload: JWTPayload, { clientId, issuer }: LogoutChecks): LogoutToken {
  const { sub, sid, jti, events, azp } = payload
  // An ID token has a nonce, and no event: neither must pass for the other (sections 2.4 and 4.4).
  if (payload.nonce !== undefined) throw new LogoutTokenUnfit('there is a nonce, which a logout token must not have')
  if (!isObject(events) || !isObject(events[event])) throw new LogoutTokenUnfit('events does not name a logout')
  if (azp !== undefined && azp !== clientId) throw new LogoutTokenUnfit('azp is another client')
  if (!isWord(jti)) throw new LogoutTokenUnfit('jti is no text')
  if (sub === undefined && sid === undefined) throw new LogoutTokenUnfit('there is neither sub nor sid')
  if ((sub !== undefined && !isWord(sub)) || (sid !== undefined && !isWord(sid)))
    throw new LogoutTokenUnfit('sub or sid is no text')
  return { issuer, jti, sub, sid }
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
