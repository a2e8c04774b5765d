// Keys and proofs of RFC 9449: a token that is bound to a key is worth nothing to who steals only the token.
import { Buffer } from 'node:buffer'
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { now } from '../util/clock.ts'
import { randomId, sha256 } from '../util/random-id.ts'

/**
 * A session's own private key, P-256 as a JWK. Made at the login and kept sealed with the session, so that every process that opens the
 * session can prove it, and no two users' tokens hang on one key.
 */
export interface DpopKey {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly d: string
}

interface ProofOf {
  readonly method: string
  readonly url: string
  readonly accessToken: string
  /** What the server demanded last (`DPoP-Nonce`). */
  readonly nonce?: string | undefined
}

export function makeDpopKey(): DpopKey {
  const {
    x = '',
    y = '',
    d = '',
  } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  return { kty: 'EC', crv: 'P-256', x, y, d }
}

/** RFC 7638: for `dpop_jkt` on the authorization request, which binds the code too. */
export function thumbprint({ crv, kty, x, y }: DpopKey): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

/** One proof for one request to a service (section 4.2). Some 40 µs, so it is made only for requests that are sent. */
export function dpopProof(key: DpopKey, { method, url, accessToken, nonce }: ProofOf): string {
  const { header, signer } = ready(key)
  const claims = {
    jti: randomId(),
    htm: method,
    htu: bare(url),
    iat: Math.floor(now() / 1000),
    ath: sha256(accessToken),
  }
  const input = `${header}.${part(nonce === undefined ? claims : { ...claims, nonce })}`
  return `${input}.${sign('sha256', Buffer.from(input), { key: signer, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

interface Ready {
  readonly header: string
  readonly signer: KeyObject
}
const known = new WeakMap<DpopKey, Ready>()

function ready(key: DpopKey): Ready {
  const found = known.get(key)
  if (found !== undefined) return found
  const { kty, crv, x, y } = key
  const made = {
    header: part({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }),
    signer: createPrivateKey({ key: { ...key }, format: 'jwk' }),
  }
  known.set(key, made)
  return made
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** `htu` is without query and fragment (section 4.2). */
function bare(url: string): string {
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
}

const pairs = new WeakMap<DpopKey, Promise<CryptoKeyPair>>()
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' }

/** As openid-client wants it, for proofs at the identity provider's own endpoints. */
export function dpopPair(key: DpopKey): Promise<CryptoKeyPair> {
  const found = pairs.get(key)
  if (found !== undefined) return found
  const { d: _, ...open } = key
  const pair = Promise.all([
    crypto.subtle.importKey('jwk', key, ecdsa, false, ['sign']),
    crypto.subtle.importKey('jwk', open, ecdsa, true, ['verify']),
  ]).then(([privateKey, publicKey]) => ({ privateKey, publicKey }))
  pairs.set(key, pair)
  return pair
}
