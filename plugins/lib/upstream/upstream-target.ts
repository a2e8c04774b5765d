import { DpopNonces } from './dpop-nonces.ts'
import { Http2Pool } from './http2-pool.ts'
import { type Connections, UpstreamPool } from './upstream-pool.ts'
import type { UpstreamSettings } from './upstream-settings.ts'

type TargetSettings = Pick<UpstreamSettings, 'connect_timeout' | 'tls' | 'http2'>

/** One of a service's URLs: its connections, what it carries, and whether it is fit to carry more. */
export class UpstreamTarget {
  /** Its place in `base_urls`: what logs and traces name it by. */
  readonly index: number
  readonly url: string
  readonly origin: string
  /** The path of the URL, without a slash at its end. */
  readonly prefix: string
  readonly pool: Connections
  readonly nonces = new DpopNonces()
  inFlight = 0
  /** Failures in a row. */
  failures = 0
  /** Failed of late, as requests saw it. */
  ejected = false
  /** As its health check sees it. */
  healthy = true

  constructor(url: string, index: number, { connect_timeout, tls, http2 }: TargetSettings) {
    const { origin, pathname } = new URL(url)
    this.index = index
    this.url = url
    this.origin = origin
    this.prefix = pathname === '/' ? '' : pathname.replace(/\/$/, '')
    const settings = { origin, connect_timeout, tls }
    this.pool = http2 ? new Http2Pool(settings) : new UpstreamPool(settings)
  }

  get available(): boolean {
    return this.healthy && !this.ejected
  }
}
