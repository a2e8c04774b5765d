import { clearInterval, setInterval } from 'node:timers'
import type { LoadedConfig } from '../load/load-config.ts'
import type { HostLog } from '../log/log.ts'
import type { CoreMetrics } from '../metrics/core-metrics.ts'
import { measureLoopLag } from '../metrics/process-metrics.ts'
import type { TraceHub } from '../trace/trace.ts'
import { settlesWithin } from '../util/settles-within.ts'
import { Generation } from './generation.ts'
import { ServerContext } from './server-context.ts'

const AWAKE_MS = 60_000

/** The generation that new requests begin in, and the older ones that are ending. */
export class Generations {
  readonly #log: HostLog
  readonly #context: ServerContext
  readonly #retiring = new Map<Generation, Promise<void>>()
  #current: Generation
  #replacing: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | undefined

  readonly #stopMeasuring: () => void

  private constructor(log: HostLog, context: ServerContext, first: Generation) {
    this.#log = log
    this.#context = context
    this.#current = first
    this.#stopMeasuring = measureLoopLag(context.metrics)
    this.#tellNumbers()
  }

  static async start(config: LoadedConfig, log: HostLog): Promise<Generations> {
    const context = new ServerContext(log)
    // Until something listens nothing keeps the process, and a setup that never ends would end it without a word.
    const awake = setInterval(() => {}, AWAKE_MS)
    try {
      return new Generations(log, context, await Generation.build(1, config, context))
    } finally {
      clearInterval(awake)
    }
  }

  get traces(): TraceHub {
    return this.#context.traces
  }

  get metrics(): CoreMetrics {
    return this.#context.metrics
  }

  /** Everything that was counted, as Prometheus text, in pieces. */
  metricsText(): Iterable<string> {
    return this.#context.registry.text()
  }

  /** Requests under way, those of older generations included. */
  get inFlight(): number {
    let sum = this.#current.inFlight
    for (const generation of this.#retiring.keys()) sum += generation.inFlight
    return sum
  }

  /** Older generations that still have requests, or close. */
  get retiring(): number {
    return this.#retiring.size
  }

  get stopping(): boolean {
    return this.#stopping !== undefined
  }

  get current(): Generation {
    return this.#current
  }

  /** Builds a generation beside the current one, swaps, and lets the old one end. If `load` or a plugin fails, nothing changed. */
  replace(load: () => Promise<LoadedConfig>): Promise<void> {
    const next = this.#replacing.then(async () => {
      if (this.#stopping) throw closed()
      await this.#swap(await Generation.build(this.#current.number + 1, await load(), this.#context))
    })
    this.#replacing = next.then(
      () => this.metrics.reloaded(true),
      () => this.metrics.reloaded(false),
    )
    return next
  }

  /** Lets requests end within `drain_timeout`, then closes what plugins opened. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#drain()
    return this.#stopping
  }

  async #swap(next: Generation): Promise<void> {
    if (this.#stopping) {
      await next.retire(0)
      throw closed()
    }
    const old = this.#current
    this.#log.configure(next.config.log)
    this.#warnOfFixed(old.config, next.config)
    this.#current = next
    this.#log.info({ generation: next.number, routes: next.config.profile.routes.length }, 'config_reloaded')
    old.handOver(next)
    const done = old.retire(old.config.server.drain_timeout).finally(() => this.#gone(old))
    this.#retiring.set(old, done)
  }

  #gone(old: Generation): void {
    this.#retiring.delete(old)
    const left = [this.#current, ...this.#retiring.keys()]
    this.metrics.keepRoutes(new Set(left.flatMap(routeIds)))
  }

  #tellNumbers(): void {
    const { metrics } = this.#context
    metrics.read('requests_in_flight', 'Requests under way.', () => this.inFlight)
    metrics.read('generation', 'Number of the configuration that new requests begin in.', () => this.#current.number)
    metrics.read(
      'generations_draining',
      'Older configurations that still have requests, or close.',
      () => this.retiring,
    )
    metrics.read(
      'routes',
      'Routes of the current configuration, endpoints included.',
      () => this.#current.config.programs.length,
    )
  }

  #warnOfFixed(was: LoadedConfig, now: LoadedConfig): void {
    for (const key of ['host', 'port', 'admin_port'] as const) {
      if (was.server[key] !== now.server[key]) this.#log.warn({ key: `server.${key}` }, 'config_needs_restart')
    }
    if ((was.tls === undefined) !== (now.tls === undefined))
      this.#log.warn({ key: 'server.tls' }, 'config_needs_restart')
  }

  /** A reload that hangs in somebody's `setup` holds it up no longer than a request would. */
  async #drain(): Promise<void> {
    const current = this.#current
    const patience = current.config.server.drain_timeout
    for (const generation of [current, ...this.#retiring.keys()]) generation.drain()
    this.#stopMeasuring()
    await Promise.all([current.retire(patience), ...this.#retiring.values(), settlesWithin(patience, this.#replacing)])
  }
}

function routeIds({ config }: Generation): string[] {
  return [...config.programs, ...config.adminPrograms].map(({ route }) => route.id)
}

function closed(): Error {
  return new Error('this bridge is closed')
}
