import type { AddressInfo, Server } from 'node:net'
import type { Agent } from 'undici'
import type { KindName, Kinds, ListenAt, Log, Metrics, PluginRef, Resources, Shared, Sometimes } from '../contract.ts'
import { type MetricRegistry, metricPrefix, type OwnedMetrics } from '../metrics/registry.ts'
import { settlesWithin } from '../util/settles-within.ts'
import { closeAgent, makeAgent } from './plugin-agent.ts'
import { PluginListener } from './plugin-listener.ts'
import type { SharedResources } from './shared-resources.ts'

/** Opens a service by kind and reference: what generations differ in (plugins loaded, paths) is behind it. */
type ServiceOpener = <K extends KindName>(kind: K, ref: PluginRef, scope: Scope) => Promise<Kinds[K]>

const CLOSE_MS = 10_000

/** What all scopes of a process share. */
interface ScopeContext {
  readonly log: Log
  readonly shared: SharedResources
  readonly registry: MetricRegistry
}

/** Closes itself within bounds, and never rejects. */
interface Closable {
  close(): Promise<void>
}

/** Whatever is made through a scope, it closes: last first, each guarded. */
export class Scope implements Resources {
  readonly log: Log
  readonly name: string
  readonly #context: ScopeContext
  readonly #plugin: string
  readonly #opener: ServiceOpener
  #metrics: OwnedMetrics | undefined
  readonly #inside: Closable[] = []
  readonly #work = new Set<Promise<unknown>>()
  #closed = false
  #closing: Promise<void> | undefined

  /** `plugin`: its own name, where `name` is how config calls it. */
  constructor(name: string, context: ScopeContext, opener: ServiceOpener, plugin = name) {
    this.name = name
    this.log = context.log
    this.#context = context
    this.#plugin = plugin
    this.#opener = opener
  }

  /** A scope inside this one. */
  child(name: string, plugin?: string): Scope {
    const inner = this.detached(name, plugin)
    this.adopt(inner)
    return inner
  }

  /** A scope with a life of its own: a shared resource outlives the generation that first asked for it. */
  detached(name: string, plugin?: string): Scope {
    return new Scope(name, this.#context, this.#opener, plugin)
  }

  get metrics(): Metrics {
    this.#metrics ??= this.#ownMetrics()
    return this.#metrics
  }

  use<K extends KindName>(kind: K, ref: PluginRef): Promise<Kinds[K]> {
    return this.#opener(kind, ref, this)
  }

  shared<S, T>(what: Shared<S, T>, settings: S): Promise<T> {
    return this.#context.shared.acquire(what, settings, this)
  }

  every(ms: number, task: () => Sometimes<void>): void {
    let running = false
    const run = async () => {
      running = true
      try {
        await task()
      } finally {
        running = false
      }
    }
    const timer = setInterval(() => {
      if (!running) this.background(run()) // slower than its period, it would pile up
    }, ms)
    timer.unref()
    this.onClose(() => clearInterval(timer))
  }

  listen(server: Server, at: ListenAt = {}): Promise<AddressInfo> {
    const own = new PluginListener(server)
    this.onClose(() => own.close())
    return own.listen(at)
  }

  agent(options: Agent.Options = {}): Agent {
    const agent = makeAgent(options)
    this.onClose(() => closeAgent(agent))
    return agent
  }

  background(work: Promise<unknown>): void {
    const guarded = work.catch((error: unknown) =>
      this.log.error({ plugin: this.name, err: error }, 'background_work_failed'),
    )
    this.#work.add(guarded)
    guarded.finally(() => this.#work.delete(guarded))
  }

  onClose(fn: () => Sometimes<void>): void {
    this.adopt({ close: () => this.#guarded(fn) })
  }

  /** On a scope that is closed already it closes at once: what a late setup made must not outlive it. */
  adopt(inner: Closable): void {
    if (this.#closed) void inner.close()
    else this.#inside.push(inner)
  }

  /** Resolves when no background work of this scope is left. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work)
  }

  /** Waits for background work first, within bounds: a redeem under way must still be stored. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await settlesWithin(CLOSE_MS, this.idle())
    this.#closed = true
    for (let inner = this.#inside.pop(); inner; inner = this.#inside.pop()) await inner.close()
  }

  #ownMetrics(): OwnedMetrics {
    const made = this.#context.registry.ownedBy(metricPrefix(this.#plugin))
    this.onClose(() => made.close())
    return made
  }

  /** One closer that fails or hangs must not keep the others from their turn. */
  async #guarded(fn: () => Sometimes<void>): Promise<void> {
    const failed = (error: unknown) => this.log.error({ plugin: this.name, err: error }, 'close_failed')
    const work = (async () => fn())().catch(failed)
    if (!(await settlesWithin(CLOSE_MS, work))) failed(new Error(`a closer took longer than ${CLOSE_MS} ms`))
  }
}
