// The key a client proves itself with: read and judged when config is loaded, so that a wrong file fails the deploy and no user.
import { createPrivateKey, type KeyObject } from 'node:crypto'

export interface ClientKey {
  /** What this key can sign with, in the order of preference. */
  readonly algs: readonly string[]
  /** The JWK's own. */
  readonly kid?: string
  readonly key: KeyObject
}

const byCurve: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }
/** RS256 first: it is the one that every identity provider knows; PS256 where only that is offered (FAPI). */
const rsaAlgs = ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512']

/** From PEM (PKCS#8, PKCS#1, SEC1) or a JWK. Throws a sentence that goes behind the name of the setting; it holds nothing of the key. */
export function readClientKey(text: string): ClientKey {
  const jwk = text.trimStart().startsWith('{') ? parseJwk(text) : undefined
  const key = jwk === undefined ? fromPem(text) : fromJwk(jwk)
  const fitting = algsOf(key)
  const { alg, kid } = jwk ?? {}
  if (typeof alg === 'string' && !fitting.includes(alg))
    throw new Error(`says alg ${alg.slice(0, 20)}, which a key of this kind cannot sign with`)
  return { algs: typeof alg === 'string' ? [alg] : fitting, key, ...(typeof kid === 'string' ? { kid } : {}) }
}

function parseJwk(text: string): Record<string, unknown> {
  try {
    const jwk = JSON.parse(text) as Record<string, unknown>
    if (Array.isArray(jwk.keys)) throw new Error('is a key set; take the one private key out of it')
    if (jwk.d === undefined) throw new Error('is a public key; the private one (with the member d) signs')
    return jwk
  } catch (error) {
    throw error instanceof SyntaxError ? new Error('begins like a JWK but is no JSON') : error
  }
}

function fromJwk(jwk: Record<string, unknown>): KeyObject {
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' })
  } catch {
    throw new Error('is a JWK of a kind that cannot sign; take RSA, EC (P-256, P-384, P-521) or Ed25519')
  }
}

function fromPem(text: string): KeyObject {
  if (/-----BEGIN (?:ENCRYPTED|[A-Z ]*PRIVATE KEY-----\r?\nProc-Type: 4,ENCRYPTED)/.test(text))
    throw new Error('is encrypted; give it without passphrase, in a file only this server may read')
  if (/-----BEGIN (?:[A-Z]+ )?(?:PUBLIC KEY|CERTIFICATE)-----/.test(text) && !text.includes('PRIVATE KEY'))
    throw new Error('is a public key or certificate; the private key is needed')
  try {
    return createPrivateKey(text)
  } catch {
    throw new Error('is neither a PEM private key nor a JWK; write it as file:PATH')
  }
}

function algsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519']
  if (asymmetricKeyType === 'ec') {
    const alg = byCurve[asymmetricKeyDetails?.namedCurve ?? '']
    if (alg !== undefined) return [alg]
  }
  if (asymmetricKeyType === 'rsa') {
    if ((asymmetricKeyDetails?.modulusLength ?? 2048) < 2048)
      throw new Error('is an RSA key of less than 2048 bits; identity providers refuse it (RFC 7518 section 3.3)')
    return rsaAlgs
  }
  throw new Error('is a key of a kind that cannot sign; take RSA, EC (P-256, P-384, P-521) or Ed25519')
}
