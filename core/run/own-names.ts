import type { Route } from '../contract.ts'

/** The hosts a proxy-style request may name (RFC 9112 §3.2.2): those of `server.public_url` and `public_urls`, and those that routes list. */
export class OwnNames {
  readonly #names: ReadonlySet<string>

  constructor(publicUrls: readonly string[], routes: readonly Route[]) {
    const names = new Set(publicUrls.map((url) => new URL(url).host))
    for (const { hosts = [] } of routes) for (const host of hosts) names.add(host.toLowerCase())
    this.#names = names
  }

  has(authority: string): boolean {
    const name = authority.toLowerCase()
    return this.#names.has(name) || this.#names.has(name.replace(/:\d+$/, ''))
  }
}
