// An issuer's signing keys: fetched when first needed, renewed in the background, asked for once more where a token names an unknown one.
import { performance } from 'node:perf_hooks'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import type { Shared } from '../../../core/index.ts'
import { type IdpSettings, idpShared } from '../idp/idp.ts'

const renewAfter = 10 * 60_000
/** An issuer that is away keeps its old keys for so long; one that took a key back must be believed some day. */
const trustFor = 24 * 3_600_000
/** Anybody can send tokens with kids of their own making: this often at most they cost the issuer a request. */
const unknownKeyAfter = 30_000
const retryAfter = 1_000
/** And so many wait for the answer: a slow issuer must not let them take the places of those whose key is known. */
const maxWaiting = 16

/** The keys cannot be had just now; nothing was said of the token. */
export class KeysUnavailable extends Error {}

export class KeySet {
  readonly #fetch: () => Promise<JSONWebKeySet>
  #local: ReturnType<typeof createLocalJWKSet> | undefined
  #fetchedAt = Number.NEGATIVE_INFINITY
  #pending: Promise<void> | undefined
  #waiting = 0
  #failure: { readonly error: unknown; readonly again: number } | undefined

  constructor(fetch: () => Promise<JSONWebKeySet>) {
    this.#fetch = fetch
  }

  /** For jose. Rejects with KeysUnavailable, or with jose's own error where no key fits. */
  readonly key: JWTVerifyGetKey = async (header, token) => {
    const age = performance.now() - this.#fetchedAt
    if (this.#local === undefined || age >= trustFor) await this.#renew()
    else if (age >= renewAfter) this.#renew().catch(() => {})
    try {
      return await this.#local!(header, token)
    } catch (error) {
      const recent = performance.now() - this.#fetchedAt < unknownKeyAfter
      if (recent || !(error instanceof errors.JWKSNoMatchingKey)) throw error
      await this.#renewForUnknown()
      return this.#local!(header, token)
    }
  }

  async #renewForUnknown(): Promise<void> {
    if (this.#waiting >= maxWaiting)
      throw new KeysUnavailable('the signing keys cannot be had', {
        cause: new Error(`${maxWaiting} tokens that name unknown keys wait already`),
      })
    this.#waiting++
    try {
      await this.#renew()
    } finally {
      this.#waiting--
    }
  }

  #renew(): Promise<void> {
    if (this.#failure !== undefined && performance.now() < this.#failure.again)
      return Promise.reject(new KeysUnavailable('the signing keys cannot be had', { cause: this.#failure.error }))
    this.#pending ??= this.#ask().finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  async #ask(): Promise<void> {
    try {
      this.#local = createLocalJWKSet(await this.#fetch())
      this.#fetchedAt = performance.now()
      this.#failure = undefined
    } catch (error) {
      this.#failure = { error, again: performance.now() + retryAfter }
      throw new KeysUnavailable('the signing keys cannot be had', { cause: error })
    }
  }
}

export const keySetShared: Shared<IdpSettings, KeySet> = {
  name: 'key-set',
  async open(settings, host) {
    const idp = await host.shared(idpShared, settings)
    return new KeySet(() => idp.keys())
  },
}
