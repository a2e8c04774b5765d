// What is known of the tokens that clients sent of late. Kept by their hash: memory holds no token.
import type { Resources, Shared } from '../../../core/index.ts'
import { type Idp, type IdpSettings, idpSettings, idpShared } from '../idp/idp.ts'
import type { AuthSettings } from '../settings/settings.ts'
import { clock } from '../util/clock.ts'
import { sha256 } from '../util/random-id.ts'
import { type AccessTokenChecks, isJwt, readAccessToken, TokenUnfit } from './access-token.ts'
import type { Bearer } from './bearer.ts'
import type { BearerSettings } from './bearer-settings.ts'
import { introspect } from './introspection.ts'
import { type KeySet, keySetShared } from './key-set.ts'

/** Anybody can send tokens of their own making: so many questions at a time they may cost, and no more. */
const maxUnderWay = 64

/** `unfit`: why, in words for the client. */
export type Judged = Bearer | TokenUnfit

interface Entry {
  readonly judged: Judged
  /** As `clock.now`. */
  readonly until: number
}

/** More questions are under way than may be. */
export class TooManyTokens extends Error {}

class BearerTokens {
  readonly #judge: (token: string) => Promise<Bearer>
  readonly #cache: BearerSettings['cache']
  /** Oldest first. Apart: whoever sends what is no token must not push good ones out. */
  readonly #good = new Map<string, Entry>()
  readonly #bad = new Map<string, Entry>()
  readonly #pending = new Map<string, Promise<Judged>>()

  constructor(judge: (token: string) => Promise<Bearer>, cache: BearerSettings['cache']) {
    this.#judge = judge
    this.#cache = cache
  }

  /** Without a promise where it is known. Rejects where nobody can tell just now. */
  read(token: string): Judged | Promise<Judged> {
    const key = sha256(token)
    const known = this.#good.get(key) ?? this.#bad.get(key)
    if (known !== undefined && clock.now() < known.until) return known.judged
    const pending = this.#pending.get(key)
    if (pending !== undefined) return pending
    if (this.#pending.size >= maxUnderWay) throw new TooManyTokens()
    const asking = this.#ask(token, key).finally(() => this.#pending.delete(key))
    this.#pending.set(key, asking)
    return asking
  }

  async #ask(token: string, key: string): Promise<Judged> {
    const { ttl, negative_ttl } = this.#cache
    try {
      const bearer = await this.#judge(token)
      this.#keep(this.#good, key, { judged: bearer, until: Math.min(clock.now() + ttl, bearer.expiresAt) })
      return bearer
    } catch (error) {
      this.#good.delete(key)
      if (!(error instanceof TokenUnfit)) throw error
      this.#keep(this.#bad, key, { judged: error, until: clock.now() + negative_ttl })
      return error
    }
  }

  #keep(entries: Map<string, Entry>, key: string, entry: Entry): void {
    this.#good.delete(key)
    this.#bad.delete(key)
    entries.set(key, entry)
    const [oldest] = entries.keys()
    if (entries.size > this.#cache.max_entries && oldest !== undefined) entries.delete(oldest)
  }
}

interface Settings {
  readonly auth: AuthSettings
  readonly bearer: BearerSettings
}

export const bearerTokensShared: Shared<Settings, BearerTokens> = {
  name: 'bearer-tokens',
  async open({ auth, bearer }, host: Resources) {
    const at =
      bearer.issuer === null || bearer.issuer === auth.issuer ? idpSettings(auth) : foreign(auth, bearer.issuer)
    const idp = await host.shared(idpShared, at)
    const keys = await host.shared(keySetShared, at)
    return new BearerTokens((token) => judge(token, idp, keys, bearer), bearer.cache)
  },
}

/** Nothing but its metadata and keys is asked for: our credentials are not for it, and what it demands of clients does not concern us. */
function foreign({ client_id, ca }: AuthSettings, issuer: string): IdpSettings {
  return { issuer, client_id, ca, client_auth: 'tls_client_auth' } // without a certificate: the one method that needs no secret to be made
}

async function judge(token: string, idp: Idp, keys: KeySet, bearer: BearerSettings): Promise<Bearer> {
  const { issuer } = await idp.metadata()
  const checks: AccessTokenChecks = { key: keys.key, issuer, algorithms: bearer.algorithms, typ: bearer.typ }
  if (!isJwt(token)) {
    if (bearer.introspection === 'never') throw new TokenUnfit('the token is no JWT')
    return introspect(idp, token, issuer)
  }
  const read = await readAccessToken(token, checks)
  if (bearer.introspection === 'always') await introspect(idp, token, issuer)
  return read
}
