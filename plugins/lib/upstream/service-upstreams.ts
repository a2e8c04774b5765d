// Where the requests of one service go, and whether they may: shared by routes and by generations that have it alike, state included.
import type { Resources, Shared } from '../../../core/index.ts'
import { Balancer } from './balancer.ts'
import { Bulkhead } from './bulkhead.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { HealthCheck } from './health-check.ts'
import { OutlierDetection } from './outlier-detection.ts'
import type { UpstreamSettings } from './upstream-settings.ts'
import { UpstreamTarget } from './upstream-target.ts'

/** Answers by which an upstream, or the gateway in front of it, says that it cannot. A 500 is no such: any user may be able to cause one. */
const UNFIT: ReadonlySet<number> = new Set([502, 503, 504])

export class ServiceUpstreams {
  readonly retries: number
  readonly calls: Bulkhead
  readonly streams: Bulkhead
  readonly breaker: CircuitBreaker | undefined
  readonly targets: readonly UpstreamTarget[]
  readonly #only: UpstreamTarget | undefined
  readonly #balancer: Balancer
  readonly #outliers: OutlierDetection | undefined

  constructor(settings: UpstreamSettings, host: Resources) {
    const { name, urls, outlier_detection, health_check, circuit_breaker } = settings
    this.retries = settings.retries
    this.calls = new Bulkhead(settings.max_in_flight)
    this.streams = new Bulkhead(settings.max_streams)
    this.targets = urls.map((url, i) => new UpstreamTarget(url, i, settings))
    this.#only = this.targets.length === 1 ? this.targets[0] : undefined
    this.#balancer = new Balancer(this.targets)
    if (circuit_breaker) this.breaker = new CircuitBreaker(name, circuit_breaker, host.log)
    if (outlier_detection) this.#outliers = new OutlierDetection(name, outlier_detection, this.targets, host.log)
    for (const target of health_check ? this.targets : []) {
      const check = new HealthCheck(name, health_check!, target, host.log)
      host.background(check.run())
      host.every(health_check!.interval, () => check.run())
    }
  }

  get several(): boolean {
    return this.#only === undefined
  }

  /** The path that header-inject made stands behind the first URL; the same behind another. Undefined: it does not stand behind the first. */
  pathAt(target: UpstreamTarget, path: string): string | undefined {
    const { prefix } = this.targets[0]!
    if (target.prefix === prefix) return path
    return path.startsWith(`${prefix}/`) ? target.prefix + path.slice(prefix.length) : undefined
  }

  pick(): UpstreamTarget {
    return this.#only ?? this.#balancer.pick()
  }

  pickBeside(tried: UpstreamTarget): UpstreamTarget | undefined {
    return this.#only === undefined ? this.#balancer.pickBeside(tried) : undefined
  }

  answered(target: UpstreamTarget, era: number, status: number): void {
    const well = !UNFIT.has(status)
    this.breaker?.ended(era, well)
    if (well) target.failures = 0
    else this.#outliers?.failed(target)
  }

  /** It gave no answer. */
  failed(target: UpstreamTarget): void {
    this.#outliers?.failed(target)
  }

  async close(): Promise<void> {
    this.#outliers?.close()
    await Promise.all(this.targets.map((target) => target.pool.close()))
  }
}

export const serviceUpstreams: Shared<UpstreamSettings, ServiceUpstreams> = {
  name: 'service-upstreams',
  open: (settings, host) => new ServiceUpstreams(settings, host),
  close: (upstreams) => upstreams.close(),
}
