import type { Route, ServerSettings } from '../../../core/index.ts'

/**
 * Hosts that a service may be told of. Services make links of X-Forwarded-Host: one that the client made up is a link to the client's own
 * server in somebody else's mail. With several origins configured the names are known; without, any Host is as good as another.
 */
export class KnownHosts {
  readonly #names: ReadonlySet<string> | undefined

  constructor(
    { public_url, public_urls }: Pick<ServerSettings, 'public_url' | 'public_urls'>,
    routes: readonly Route[],
  ) {
    if (public_urls.length === 0) return
    const origins = [public_url, ...public_urls].map((url) => new URL(url).hostname)
    this.#names = new Set([...origins, ...routes.flatMap(({ hosts = [] }) => hosts.map((host) => host.toLowerCase()))])
  }

  has(host: string): boolean {
    if (this.#names === undefined) return true
    const name = host.toLowerCase()
    return this.#names.has(name) || this.#names.has(name.replace(/:\d+$/, ''))
  }
}
