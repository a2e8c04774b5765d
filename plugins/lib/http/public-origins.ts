// Which of our origins a request is for: by its Host, or by what a trusted proxy says the Host was.
import type { Exchange, ServerSettings } from '../../../core/index.ts'
import { TrustedPeers } from './trusted-peers.ts'

type Asking = Pick<Exchange, 'header' | 'headerAll' | 'client'>
type Settings = Pick<ServerSettings, 'public_url' | 'public_urls' | 'trusted_proxies'>

/** Something made once for each origin. */
export interface PerOrigin<T> {
  /** Of `server.public_url`. */
  readonly first: T
  /** Undefined: the request's Host is none of ours. */
  of(x: Asking): T | undefined
  /** Made of this, for each origin again. */
  map<U>(make: (made: T) => U): PerOrigin<U>
}

/**
 * The origins of `server.public_url` and `public_urls`, none of them worked out from a request. With one there is nothing to tell apart:
 * every request is for it, whatever Host an edge wrote, since browsers keep cookies by host. With several the Host decides; one that is
 * none of them is nobody's, so that a cookie which came there all the same opens nothing.
 */
export class PublicOrigins {
  readonly urls: readonly string[]
  readonly #byHost = new Map<string, number>()
  readonly #peers: TrustedPeers

  constructor({ public_url, public_urls, trusted_proxies }: Settings) {
    this.urls = [public_url, ...public_urls]
    this.#peers = new TrustedPeers(trusted_proxies)
    const known = this.urls.map((url) => new URL(url))
    // Some clients write the port that goes without saying.
    for (const [i, { host, protocol }] of known.entries())
      this.#byHost.set(`${host}:${protocol === 'https:' ? 443 : 80}`, i)
    for (const [i, { host }] of known.entries()) this.#byHost.set(host, i)
  }

  map<T>(make: (url: string) => T): PerOrigin<T> {
    return this.#spread(this.urls.map(make))
  }

  #spread<T>(made: readonly T[]): PerOrigin<T> {
    const first = made[0]!
    return {
      first,
      of: made.length === 1 ? () => first : (x) => made[this.#indexOf(x)],
      map: (make) => this.#spread(made.map(make)),
    }
  }

  #indexOf(x: Asking): number {
    const host = (this.#peers.trusts(x.client.ip) ? forwardedHost(x) : undefined) ?? x.header('host')
    return host === undefined ? -1 : (this.#byHost.get(host.toLowerCase()) ?? -1)
  }
}

/** Of several the last: what stands before it came through the proxy. */
function forwardedHost(x: Asking): string | undefined {
  return x.headerAll('x-forwarded-host').at(-1)?.split(',').at(-1)?.trim()
}
