import type { AddressInfo, Server } from 'node:net'
import type { Agent } from 'undici'
import type {
  Host,
  KindName,
  Kinds,
  ListenAt,
  Log,
  LogSettings,
  Metrics,
  PluginRef,
  Resources,
  Route,
  SectionName,
  Sections,
  ServerSettings,
  Service,
  ServiceHost,
  Shared,
  Sometimes,
} from '../contract.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { limitedLog } from '../log/limited-log.ts'
import type { Scope } from '../resources/scope.ts'

/** What one plugin gets at `setup`: its options, the config it may read, and a scope that closes what it makes. */
export class PluginHost implements Host {
  readonly options: unknown
  readonly log: Log
  readonly #scope: Scope
  readonly #config: LoadedConfig

  constructor(scope: Scope, config: LoadedConfig, options: unknown, onDrop?: () => void) {
    this.#scope = scope
    this.#config = config
    this.options = options
    this.log = limitedLog(scope.log, scope.name, onDrop)
  }

  get metrics(): Metrics {
    return this.#scope.metrics
  }

  get configDir(): string {
    return this.#config.dir
  }

  get routes(): readonly Route[] {
    return routesOf(this.#config)
  }

  get services(): Readonly<Record<string, Service>> {
    return this.#config.services
  }

  get server(): ServerSettings {
    return this.#config.server
  }

  get logSettings(): LogSettings {
    return this.#config.log
  }

  section<K extends SectionName>(name: K): Sections[K] {
    const value = this.#config.sections[name]
    if (value === undefined) throw new Error(`the section ${name} was not declared by any loaded plugin`)
    return value as Sections[K]
  }

  use<K extends KindName>(kind: K, ref: PluginRef): Promise<Kinds[K]> {
    return this.#scope.use(kind, ref)
  }

  shared<S, T>(what: Shared<S, T>, settings: S): Promise<T> {
    return this.#scope.shared(what, settings)
  }

  every(ms: number, task: () => Sometimes<void>): void {
    this.#scope.every(ms, task)
  }

  listen(server: Server, at?: ListenAt): Promise<AddressInfo> {
    return this.#scope.listen(server, at)
  }

  agent(options?: Agent.Options): Agent {
    return this.#scope.agent(options)
  }

  background(work: Promise<unknown>): void {
    this.#scope.background(work)
  }

  onClose(fn: () => Sometimes<void>): void {
    this.#scope.onClose(fn)
  }
}

const routesByConfig = new WeakMap<LoadedConfig, readonly Route[]>()

/** One list for all plugins, so that what one made of it is known by it. */
function routesOf(config: LoadedConfig): readonly Route[] {
  const known = routesByConfig.get(config)
  if (known !== undefined) return known
  const routes = Object.freeze(config.programs.map((p) => p.route))
  routesByConfig.set(config, routes)
  return routes
}

export function serviceHost<C>(host: Resources, options: C, configDir: string): ServiceHost<C> {
  return {
    options,
    configDir,
    log: host.log,
    get metrics() {
      return host.metrics
    },
    use: (kind, ref) => host.use(kind, ref),
    shared: (what, settings) => host.shared(what, settings),
    every: (ms, task) => host.every(ms, task),
    listen: (server, at) => host.listen(server, at),
    agent: (options) => host.agent(options),
    background: (work) => host.background(work),
    onClose: (fn) => host.onClose(fn),
  }
}
