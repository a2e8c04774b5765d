import { createHash, randomInt } from 'node:crypto'
import type { RawHeaders } from '../../../core/index.ts'
import type { StoredToken } from '../session/session.ts'
import type { Credential } from '../upstream/upstream.ts'
import { type DpopKey, dpopProof } from './dpop.ts'

type Attempt = Parameters<Credential['headers']>[0]

const inspect = Symbol.for('nodejs.util.inspect.custom')

/** `Authorization: Bearer …` of one service's token. The token is behind a private field: printing shows a fingerprint. */
class BearerCredential implements Credential {
  readonly audience: string
  readonly expiresAt: number
  /** Only to be sent where this one is shown (RFC 8705). */
  readonly certificate: string | undefined
  readonly #token: string
  readonly #headers: RawHeaders

  constructor({ token, audience, expiresAt, certificate }: StoredToken, scheme = 'Bearer') {
    this.audience = audience
    this.expiresAt = expiresAt
    this.certificate = certificate
    this.#token = token
    this.#headers = ['Authorization', `${scheme} ${token}`]
    Object.freeze(this.#headers)
    if (new.target === BearerCredential) Object.freeze(this)
  }

  /** Made when asked: a request that logs nothing of it pays no hash. */
  get fingerprint(): string {
    return createHash('sha256').update(this.#token).digest('base64url').slice(0, 8)
  }
  headers(_attempt?: Attempt): RawHeaders {
    return this.#headers
  }
  toString(): string {
    return `Bearer ${this.fingerprint}…`
  }
  toJSON(): string {
    return this.toString()
  }
  [inspect](): string {
    return this.toString()
  }
}

/** As a bound token is sent: with a proof for this very request, by the session's key (RFC 9449 section 7.1). */
class DpopCredential extends BearerCredential {
  readonly proves = true
  readonly #token: string
  readonly #key: DpopKey

  constructor(stored: StoredToken, key: DpopKey) {
    super(stored, 'DPoP')
    this.#token = stored.token
    this.#key = key
    Object.freeze(this)
  }

  override headers({ method, url, nonce }: Attempt): RawHeaders {
    return [...super.headers(), 'DPoP', dpopProof(this.#key, { method, url, nonce, accessToken: this.#token })]
  }
}

/** Whether one may go where the other went: over connections that show the same certificate, or anywhere. */
export function mayReplace(fresh: Credential, refused: Credential): boolean {
  const { certificate } = fresh as Partial<BearerCredential>
  return certificate === undefined || certificate === (refused as Partial<BearerCredential>).certificate
}

/** A held token with what a request must know of it, worked out once. Times in ms since the epoch. */
interface Live {
  readonly credential: Credential
  /** From here on a request renews it in the background. */
  readonly renewAt: number
  /** From here on it is not sent: it would expire on its way. */
  readonly deadAt: number
}

// By the stored token itself: it is replaced whole, so nothing here can outlive or outdate it.
const lives = new WeakMap<StoredToken, Live>()

export function liveOf(stored: StoredToken, key?: DpopKey): Live {
  const known = lives.get(stored)
  if (known !== undefined) return known
  const life = Math.max(0, stored.expiresAt - stored.mintedAt)
  // Jitter: sessions made by one morning's logins must not all renew in the same second.
  const margin = (Math.min(30_000, life / 5) * randomInt(100, 126)) / 100
  const live = {
    credential: stored.dpop && key !== undefined ? new DpopCredential(stored, key) : new BearerCredential(stored),
    renewAt: Math.max(stored.expiresAt - margin, stored.renewAfter ?? 0),
    deadAt: stored.expiresAt - Math.min(500, life / 10),
  }
  lives.set(stored, live)
  return live
}
