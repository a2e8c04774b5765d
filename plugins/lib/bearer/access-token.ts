// What makes a JWT an access token of this issuer (RFC 9068 section 4). For whom it is, and for what, is the route's to judge.
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { type Bearer, KnownBearer } from './bearer.ts'
import { KeysUnavailable } from './key-set.ts'

/** Seconds between two clocks that both think they are right. */
const skew = 30

export interface AccessTokenChecks {
  readonly key: JWTVerifyGetKey
  readonly issuer: string
  readonly algorithms: readonly string[]
  readonly typ: 'at+jwt' | 'jwt'
}

/** Its message goes to the client, in `error_description`: no quotes, nothing of ours. */
export class TokenUnfit extends Error {}

export function isJwt(token: string): boolean {
  try {
    return token.split('.').length === 3 && typeof decodeProtectedHeader(token).alg === 'string'
  } catch {
    return false
  }
}

export async function readAccessToken(token: string, checks: AccessTokenChecks): Promise<Bearer> {
  const { payload, protectedHeader } = await verified(token, checks)
  judgeType(protectedHeader.typ, payload, checks.typ)
  return bearerOf(payload, checks.issuer)
}

async function verified(token: string, { key, issuer, algorithms }: AccessTokenChecks) {
  try {
    return await jwtVerify(token, key, {
      ...{ algorithms: [...algorithms], issuer, clockTolerance: skew },
      requiredClaims: ['iss', 'aud', 'exp'],
    })
  } catch (error) {
    if (error instanceof KeysUnavailable) throw error
    if (error instanceof errors.JWTExpired) throw new TokenUnfit('the token has expired')
    if (error instanceof errors.JWTClaimValidationFailed) throw new TokenUnfit(`the claim ${error.claim} does not fit`)
    throw new TokenUnfit('the token cannot be read, or its signature does not fit')
  }
}

/** An ID token is signed by the same keys, and every application of the user has one. */
function judgeType(said: string | undefined, claims: JWTPayload, wanted: 'at+jwt' | 'jwt'): void {
  const typ = said?.toLowerCase().replace(/^application\//, '')
  if (typ === 'at+jwt') return
  const plain = typ === undefined || typ === 'jwt'
  const idToken = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'].some((name) => claims[name] !== undefined)
  if (wanted === 'at+jwt' || !plain || idToken) throw new TokenUnfit('the token is no access token (typ)')
}

/** From verified claims, or from the issuer's own words. */
export function bearerOf(claims: Readonly<Record<string, unknown>>, issuer: string): Bearer {
  // Bound to a key that nobody proved to have (RFC 9449, RFC 8705): as a bearer token it is stolen.
  if (claims.cnf !== undefined) throw new TokenUnfit('the token is bound to a key (cnf), and is no bearer token')
  const { sub, exp, aud } = claims
  const clientId = text(claims.client_id) ?? text(claims.azp)
  if (sub !== undefined && (typeof sub !== 'string' || sub === '' || sub.length > 255 || /\p{Surrogate}/u.test(sub)))
    throw new TokenUnfit('the claim sub does not fit')
  if (typeof exp !== 'number') throw new TokenUnfit('the claim exp does not fit')
  return new KnownBearer({
    issuer,
    // RFC 9068 section 2.2: a client that speaks for itself has its own id there, which may be some user's name elsewhere.
    ...(typeof sub === 'string' && sub !== clientId ? { sub } : {}),
    ...(clientId === undefined ? {} : { clientId }),
    audiences: words(aud),
    scopes: new Set([...words(claims.scope), ...words(claims.scp)].flatMap((word) => word.split(' '))),
    expiresAt: (exp + skew) * 1_000,
  })
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function words(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.filter((word): word is string => text(word) !== undefined)
}
