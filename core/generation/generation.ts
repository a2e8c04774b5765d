import { AdminGround } from '../admin/admin-ground.ts'
import type { KindName, Kinds, Log, PluginRef, ServicePlugin, Shared } from '../contract.ts'
import { fault } from '../errors.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import type { CoreMetrics } from '../metrics/core-metrics.ts'
import { LeftOpen } from '../resources/left-open.ts'
import { Scope } from '../resources/scope.ts'
import type { Flight } from '../run/flight.ts'
import { Flights } from '../run/flights.ts'
import type { Ground } from '../run/ground.ts'
import type { Limits } from '../run/limits.ts'
import { OwnNames } from '../run/own-names.ts'
import type { Pipeline } from '../run/program.ts'
import type { TraceHub } from '../trace/trace.ts'
import { type Assembled, assemble } from './assemble.ts'
import { PluginHost, serviceHost } from './plugin-host.ts'
import type { ServerContext } from './server-context.ts'
import { type SuccessorOf, successors } from './successors.ts'

/** Makes the programs; what it opens, the scope closes. */
type SetUp = (config: LoadedConfig, scope: Scope, leftOpen: LeftOpen, context: ServerContext) => Promise<Assembled>

const assembleReal: SetUp = (config, scope, leftOpen, { metrics }) =>
  assemble(
    config,
    (name, options, plugin) =>
      new PluginHost(scope.child(name, plugin), config, options, () => metrics.lineDropped(plugin)),
    leftOpen,
    metrics,
  )

interface Parts {
  readonly scope: Scope
  readonly leftOpen: LeftOpen
  readonly context: ServerContext
}

interface Successor {
  readonly generation: Generation
  readonly routeOf: SuccessorOf
}

/** How long requests that were told to end may take to have said so. */
const CANCELLED_MS = 1_000

/** One configuration at work: its programs, what its plugins opened, and the requests that began in it. */
export class Generation implements Ground {
  readonly number: number
  readonly config: LoadedConfig
  readonly pipeline: Pipeline
  readonly log: Log
  readonly traces: TraceHub
  readonly limits: Limits
  readonly names: OwnNames
  readonly metrics: CoreMetrics
  /** Where requests of the admin listener run; they are this generation's, too. */
  readonly admin: Ground
  /** The server stops: its connections are not kept. */
  draining = false
  /** Nothing can run here any more. */
  closed = false
  readonly #scope: Scope
  readonly #leftOpen: LeftOpen
  readonly #flights = new Flights()
  #empty: (() => void) | undefined
  #successor: Successor | undefined

  private constructor(number: number, config: LoadedConfig, made: Assembled, parts: Parts) {
    this.number = number
    this.config = config
    this.pipeline = made.pipeline
    this.admin = new AdminGround(this, made.admin)
    this.log = parts.scope.log
    this.traces = parts.context.traces
    this.metrics = parts.context.metrics
    this.limits = config.server.limits
    const routes = config.programs.map((planned) => planned.route)
    this.names = new OwnNames([config.server.public_url, ...config.server.public_urls], routes)
    this.#scope = parts.scope
    this.#leftOpen = parts.leftOpen
  }

  /** Sets up every plugin beside whatever runs already. If one fails, what was made is closed, and the error goes on. */
  static async build(
    number: number,
    config: LoadedConfig,
    context: ServerContext,
    setUp: SetUp = assembleReal,
  ): Promise<Generation> {
    const scope = new Scope(`generation ${number}`, context, serviceOpener(config))
    const leftOpen = new LeftOpen()
    try {
      const made = await setUp(config, scope, leftOpen, context)
      return new Generation(number, config, made, { scope, leftOpen, context })
    } catch (error) {
      await scope.close()
      throw error
    }
  }

  get inFlight(): number {
    return this.#flights.size
  }

  began(flight: Flight): void {
    this.#flights.add(flight)
  }

  ended(flight: Flight): void {
    this.#flights.delete(flight)
    if (this.#flights.size === 0) this.#empty?.()
  }

  lasts(flight: Flight): void {
    if (this.#successor) this.#pass(flight, this.#successor)
    else if (this.draining) flight.cancel(fault('DRAINING'))
  }

  /** What may last for days goes on in `successor`, where the reload did not touch its route; sockets on others are told to connect again. */
  handOver(successor: Generation): void {
    this.#successor = { generation: successor, routeOf: successors(this.config, successor.config) }
    for (const flight of this.#flights.all()) if (flight.isLasting) this.#pass(flight, this.#successor)
  }

  #pass(flight: Flight, { generation, routeOf }: Successor): void {
    const route = flight.route && routeOf(flight.route)
    const program = route && generation.pipeline.programs.get(route)
    if (!program) {
      if (flight.isTunnel) flight.cancel(fault('DRAINING', 'the route changed'))
      return
    }
    flight.moveTo(generation, program)
    this.ended(flight)
    generation.began(flight)
    generation.lasts(flight)
  }

  /** The server stops: connections are not kept, and sockets, which would not end by themselves, are told to go elsewhere. */
  drain(): void {
    this.draining = true
    for (const flight of this.#flights.all()) if (flight.isTunnel) flight.cancel(fault('DRAINING'))
  }

  /** Lets requests end by themselves for up to `ms`, then ends them; closes what its plugins opened. */
  async retire(ms: number): Promise<void> {
    await this.#drained(ms)
    const why = this.draining ? 'the server is shutting down' : 'the configuration of this request is no longer in use'
    for (const flight of this.#flights.all()) flight.cancel(fault('DRAINING', why))
    await this.#drained(CANCELLED_MS)
    this.closed = true
    await this.#scope.close()
    await this.#leftOpen.report(this.log)
  }

  #drained(ms: number): Promise<void> {
    if (this.#flights.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms)
      function done(): void {
        clearTimeout(timer)
        resolve()
      }
      this.#empty = done
    })
  }
}

interface ServiceSettings {
  readonly options: unknown
  readonly configDir: string
}

const openers = new WeakMap<ServicePlugin, Shared<ServiceSettings, unknown>>()

/** One opened service for equal options, however many plugins and generations use it. */
function sharedOf(plugin: ServicePlugin): Shared<ServiceSettings, unknown> {
  const known = openers.get(plugin)
  if (known) return known
  const made: Shared<ServiceSettings, unknown> = {
    name: `${String(plugin.kind)} ${plugin.name}`,
    open: ({ options, configDir }, host) => plugin.open(serviceHost(host, options, configDir)),
    close: async (service) => {
      await (service as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.()
    },
  }
  openers.set(plugin, made)
  return made
}

export function serviceOpener(config: LoadedConfig) {
  return async <K extends KindName>(kind: K, ref: PluginRef, scope: Scope): Promise<Kinds[K]> => {
    const use = typeof ref === 'string' ? ref : ref.use
    const plugin = await config.loader.load(kind, use)
    const options = await config.optionsOf(plugin, typeof ref === 'string' ? undefined : ref.with)
    return (await scope.shared(sharedOf(plugin), { options, configDir: config.dir })) as Kinds[K]
  }
}
