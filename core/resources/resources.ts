import type { AddressInfo, Server } from 'node:net'
import type { Agent } from 'undici'
import type { KindName, Kinds, ListenAt, Log, Metrics, PluginRef, Resources, Shared, Sometimes } from '../contract.ts'
import { type MetricRegistry, metricPrefix, type OwnedMetrics } from '../metrics/registry.ts'
import { within } from '../util/settles-within.ts'
import { notOfPlugin } from './left-open.ts'
import { closeAgent, makeAgent } from './plugin-agent.ts'
import { OwnListener } from './plugin-listener.ts'

/** Opens a service by kind and reference: what generations differ in (plugins loaded, paths) is behind it. */
export type ServiceOpener = <K extends KindName>(kind: K, ref: PluginRef, scope: Scope) => Promise<Kinds[K]>

const CLOSE_MS = 10_000

interface Held {
  users: number
  readonly scope: Scope
  readonly made: Promise<unknown>
}

/** Process-wide resources, ref-counted by (definition, settings): changed settings make a new one beside the old. */
export class SharedResources {
  readonly #held = new Map<object, Map<string, Held>>()

  async acquire<S, T>(what: Shared<S, T>, settings: S, user: Scope): Promise<T> {
    const byKey = this.#held.get(what) ?? new Map<string, Held>()
    this.#held.set(what, byKey)
    const key = canonical(settings)
    const held = byKey.get(key) ?? this.#open(what, settings, user)
    byKey.set(key, held)
    held.users++
    const forget = () => {
      if (byKey.get(key) === held) byKey.delete(key)
    }
    user.adopt({
      async close() {
        if (--held.users > 0) return
        forget()
        await within(CLOSE_MS, held.made) // closed while it still opens, what comes of it would be nobody's
        await held.scope.close()
      },
    })
    try {
      return (await held.made) as T
    } catch (error) {
      forget() // the next who asks tries again, however long those who failed are still around
      throw error
    }
  }

  #open<S, T>(what: Shared<S, T>, settings: S, user: Scope): Held {
    const scope = user.detached(what.name)
    const made = (async () => {
      const value = await notOfPlugin(() => what.open(settings, scope))
      if (what.close) scope.onClose(() => what.close!(value))
      return value
    })()
    made.catch(() => scope.close()) // told to whoever acquires it
    return { users: 0, scope, made }
  }
}

/** JSON with sorted keys: equal settings are equal text, whatever order a file had them in. Throws for what is no data. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, plain) ?? 'undefined'
}

/** Two settings that JSON would show alike must not share what one of them opened: a key object is `{}` in JSON, as is every set. */
function plain(key: string, v: unknown): unknown {
  if (typeof v === 'number' && !Number.isFinite(v)) return { number: String(v) }
  if (typeof v === 'bigint') return { bigint: String(v) }
  if (typeof v === 'function' || typeof v === 'symbol') throw notData(key, typeof v)
  if (typeof v !== 'object' || v === null || Array.isArray(v)) return v
  if (v instanceof Map) return { map: [...v].sort() }
  if (v instanceof Set) return { set: [...v].sort() }
  const prototype: unknown = Object.getPrototypeOf(v)
  if (prototype !== Object.prototype && prototype !== null && !(v instanceof Uint8Array)) {
    throw notData(key, v.constructor?.name ?? 'object')
  }
  return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function notData(key: string, what: string): TypeError {
  return new TypeError(`settings of a shared resource must be plain data, but ${key || 'they'} is a ${what}`)
}

/** What all scopes of a process share. */
export interface ScopeHouse {
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
  readonly #house: ScopeHouse
  readonly #plugin: string
  readonly #opener: ServiceOpener
  #metrics: OwnedMetrics | undefined
  readonly #inside: Closable[] = []
  readonly #work = new Set<Promise<unknown>>()
  #closed = false
  #closing: Promise<void> | undefined

  /** `plugin`: its own name, where `name` is how config calls it. */
  constructor(name: string, house: ScopeHouse, opener: ServiceOpener, plugin = name) {
    this.name = name
    this.log = house.log
    this.#house = house
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
    return new Scope(name, this.#house, this.#opener, plugin)
  }

  get metrics(): Metrics {
    this.#metrics ??= this.#ownMetrics()
    return this.#metrics
  }

  use<K extends KindName>(kind: K, ref: PluginRef): Promise<Kinds[K]> {
    return this.#opener(kind, ref, this)
  }

  shared<S, T>(what: Shared<S, T>, settings: S): Promise<T> {
    return this.#house.shared.acquire(what, settings, this)
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
    const own = new OwnListener(server)
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
    await within(CLOSE_MS, this.idle())
    this.#closed = true
    for (let inner = this.#inside.pop(); inner; inner = this.#inside.pop()) await inner.close()
  }

  #ownMetrics(): OwnedMetrics {
    const made = this.#house.registry.ownedBy(metricPrefix(this.#plugin))
    this.onClose(() => made.close())
    return made
  }

  /** One closer that fails or hangs must not keep the others from their turn. */
  async #guarded(fn: () => Sometimes<void>): Promise<void> {
    const failed = (error: unknown) => this.log.error({ plugin: this.name, err: error }, 'close_failed')
    const work = (async () => fn())().catch(failed)
    if (!(await within(CLOSE_MS, work))) failed(new Error(`a closer took longer than ${CLOSE_MS} ms`))
  }
}
