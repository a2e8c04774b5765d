import { UpstreamPool } from './upstream-pool.ts'

/** One of a service's URLs: its connections, what it carries, and whether it is fit to carry more. */
export class UpstreamTarget {
  /** Its place in `base_urls`: what logs and traces name it by. */
  readonly index: number
  readonly url: string
  readonly origin: string
  /** The path of the URL, without a slash at its end. */
  readonly prefix: string
  readonly pool: UpstreamPool
  inFlight = 0
  /** Failures in a row. */
  failures = 0
  /** Failed of late, as requests saw it. */
  ejected = false
  /** As its health check sees it. */
  healthy = true

  constructor(url: string, index: number, connectTimeout: number) {
    const { origin, pathname } = new URL(url)
    this.index = index
    this.url = url
    this.origin = origin
    this.prefix = pathname === '/' ? '' : pathname.replace(/\/$/, '')
    this.pool = new UpstreamPool({ origin, connect_timeout: connectTimeout })
  }

  get available(): boolean {
    return this.healthy && !this.ejected
  }
}
