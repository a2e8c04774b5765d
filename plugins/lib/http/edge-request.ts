// The request that an edge asks about (forward-auth): its own words in X-Forwarded-Method, -Uri and -Host, as Traefik sends them.
import type { Exchange } from '../../../core/index.ts'

/** What of a request decides on its login address and on CSRF. */
export type Asked = Pick<Exchange, 'method' | 'target' | 'upgrade' | 'header' | 'headerAll'>

/** Only of a trusted peer: from anybody else these headers are a client's, and the request is judged as it came. */
export class EdgeRequest implements Asked {
  readonly method: string
  readonly target: string
  readonly upgrade: boolean
  readonly #x: Asked

  constructor(x: Asked, publicUrl: string) {
    this.#x = x
    this.method = nearest(x, 'x-forwarded-method') ?? x.method
    const host = nearest(x, 'x-forwarded-host')
    const ours = host === undefined || publicUrl.endsWith(`//${host.toLowerCase()}`)
    // A page of another host is no page of ours: the login goes to the first page.
    this.target = (ours ? nearest(x, 'x-forwarded-uri') : undefined) ?? '/'
    // Edges drop Upgrade, which is hop-by-hop, when they ask; the key of a handshake arrives.
    this.upgrade = x.upgrade || x.header('sec-websocket-key') !== undefined
  }

  header(name: Lowercase<string>): string | undefined {
    return this.#x.header(name)
  }

  headerAll(name: Lowercase<string>): readonly string[] {
    return this.#x.headerAll(name)
  }
}

/** Of several the last: what stands before it came through the edge. */
function nearest(x: Asked, name: Lowercase<string>): string | undefined {
  return x.headerAll(name).at(-1)
}
