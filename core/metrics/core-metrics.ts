import type { Counter, Histogram, Metric } from '../contract.ts'
import type { MetricRegistry, OwnedMetrics } from './registry.ts'
import { RequestMeter } from './request-meter.ts'

/** An exception that came out of a timer or an event; a promise that was rejected and nobody waited for. */
export type StrayKind = 'exception' | 'rejection'

/** What core itself counts, over all generations of a process. */
export class CoreMetrics {
  readonly requests: Metric<'route' | 'outcome' | 'status', Counter>
  readonly duration: Metric<'route', Histogram>
  readonly received: Metric<'route', Counter>
  readonly sent: Metric<'route', Counter>
  readonly traceRecordsLost: Counter
  readonly #owned: OwnedMetrics
  readonly #meters = new Map<string, RequestMeter>()
  readonly #faults: Metric<'stage', Counter>
  readonly #reloads: Metric<'result', Counter>
  readonly #settledFailures: Metric<'stage', Counter>
  readonly #linesDropped: Metric<'plugin', Counter>
  readonly #strays: Metric<'plugin' | 'kind', Counter>
  readonly #failures = new Map<string, number>()

  constructor(registry: MetricRegistry) {
    // Label values here are names of config, so config bounds them.
    const own = registry.ownedBy('bascule', Number.POSITIVE_INFINITY)
    this.#owned = own
    this.requests = own.counter({
      name: 'requests_total',
      help: 'Requests that ended, by route (empty: none took it), outcome and class of the status sent.',
      labels: ['route', 'outcome', 'status'],
    })
    this.duration = own.histogram({
      name: 'request_duration_seconds',
      help: "From a request's head to its ending, streams included.",
      labels: ['route'],
    })
    this.received = own.counter({
      name: 'request_body_bytes_total',
      help: 'Bytes of bodies read from clients.',
      labels: ['route'],
    })
    this.sent = own.counter({
      name: 'response_body_bytes_total',
      help: 'Bytes of bodies sent to clients.',
      labels: ['route'],
    })
    this.#faults = own.counter({
      name: 'stage_faults_total',
      help: 'Requests in which a stage threw, gave no verdict in time, or gave one that does not count.',
      labels: ['stage'],
    })
    this.#settledFailures = own.counter({
      name: 'settled_hook_failures_total',
      help: 'Settled hooks that failed.',
      labels: ['stage'],
    })
    this.#reloads = own.counter({
      name: 'reloads_total',
      help: 'Reloads of the configuration: ok, or rejected with nothing changed.',
      labels: ['result'],
    })
    this.#linesDropped = own.counter({
      name: 'log_lines_dropped_total',
      help: 'Log lines dropped because a plugin flooded the log.',
      labels: ['plugin'],
    })
    this.#strays = own.counter({
      name: 'stray_faults_total',
      help: 'Errors that nobody caught, by the plugin that their stack leads into (empty: it leads into none); kind: exception or rejection.',
      labels: ['plugin', 'kind'],
    })
    this.traceRecordsLost = own
      .counter({
        name: 'trace_records_lost_total',
        help: 'Records of the live trace lost to subscribers that read too slowly.',
      })
      .labels()
    for (const result of ['ok', 'rejected']) this.#reloads.labels({ result })
  }

  /** Read when asked for. */
  read(name: string, help: string, value: () => number): void {
    this.#owned.gauge({ name, help, read: value })
  }

  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return this.#owned.histogram({ name, help, buckets }).labels()
  }

  /** The same for a route of that id in every generation. */
  meterOf(route: string): RequestMeter {
    const known = this.#meters.get(route)
    if (known) return known
    const made = new RequestMeter(this, route)
    this.#meters.set(route, made)
    return made
  }

  /** Routes that no generation has any more take their numbers along, or years of config changes would fill the memory. */
  keepRoutes(routes: ReadonlySet<string>): void {
    const kept = new Set(['', ...routes])
    for (const route of this.#meters.keys()) if (!kept.has(route)) this.#meters.delete(route)
    this.#owned.keep('route', kept)
  }

  reloaded(ok: boolean): void {
    this.#reloads.labels({ result: ok ? 'ok' : 'rejected' }).inc()
  }

  stageFailed(stage: string): void {
    this.#faults.labels({ stage }).inc()
  }

  lineDropped(plugin: string): void {
    this.#linesDropped.labels({ plugin }).inc()
  }

  strayed(plugin: string, kind: StrayKind): void {
    this.#strays.labels({ plugin, kind }).inc()
  }

  /** How many of this stage have failed since the process began. */
  settledFailed(stage: string): number {
    const count = (this.#failures.get(stage) ?? 0) + 1
    this.#failures.set(stage, count)
    this.#settledFailures.labels({ stage }).inc()
    return count
  }

  /** By stage. */
  get settledFailures(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#failures)
  }
}
