import type { Route } from '../contract.ts'

/** The hosts a proxy-style request may name (RFC 9112 §3.2.2): that of `server.public_url`, and those that routes list. */
export class OwnNames {
  readonly #names: ReadonlySet<string>

  constructor(publicUrl: string, routes: readonly Route[]) {
    const names = new Set([new URL(publicUrl).host])
    for (const { hosts = [] } of routes) for (const host of hosts) names.add(host.toLowerCase())
    this.#names = names
  }

  has(authority: string): boolean {
    const name = authority.toLowerCase()
    return this.#names.has(name) || this.#names.has(name.replace(/:\d+$/, ''))
  }
}
