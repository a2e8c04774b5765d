import type { KindName, Kinds, Log, PluginRef, Resources, Shared, Sometimes } from './contract.ts'
import { notOfPlugin } from './left-open.ts'

/** Opens a service by kind and reference: what generations differ in (plugins loaded, paths) is behind it. */
export type ServiceOpener = <K extends KindName>(kind: K, ref: PluginRef, scope: Scope) => Promise<Kinds[K]>

const CLOSE_MS = 10_000

function within(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    work.finally(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

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
    user.onClose(async () => {
      if (--held.users > 0) return
      byKey.delete(key)
      await held.scope.close()
    })
    return (await held.made) as T
  }

  #open<S, T>(what: Shared<S, T>, settings: S, user: Scope): Held {
    const scope = user.detached(what.name)
    const made = (async () => {
      const value = await notOfPlugin(() => what.open(settings, scope))
      if (what.close) scope.onClose(() => what.close!(value))
      return value
    })()
    made.catch(() => {}) // told to whoever acquires it
    return { users: 0, scope, made }
  }
}

/** JSON with sorted keys: equal settings are equal text, whatever order a file had them in. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, v: unknown) => {
      if (v instanceof Map) return [...v].sort()
      if (typeof v !== 'object' || v === null || Array.isArray(v)) return v
      return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
    }) ?? 'undefined'
  )
}

/** Whatever is made through a scope, it closes: last first, each guarded. */
export class Scope implements Resources {
  readonly log: Log
  readonly name: string
  readonly #shared: SharedResources
  readonly #opener: ServiceOpener
  readonly #closers: (() => Sometimes<void>)[] = []
  readonly #work = new Set<Promise<unknown>>()
  #closed = false

  constructor(name: string, log: Log, shared: SharedResources, opener: ServiceOpener) {
    this.name = name
    this.log = log
    this.#shared = shared
    this.#opener = opener
  }

  /** A scope inside this one. */
  child(name: string): Scope {
    const inner = this.detached(name)
    this.onClose(() => inner.close())
    return inner
  }

  /** A scope with a life of its own: a shared resource outlives the generation that first asked for it. */
  detached(name: string): Scope {
    return new Scope(name, this.log, this.#shared, this.#opener)
  }

  use<K extends KindName>(kind: K, ref: PluginRef): Promise<Kinds[K]> {
    return this.#opener(kind, ref, this)
  }

  shared<S, T>(what: Shared<S, T>, settings: S): Promise<T> {
    return this.#shared.acquire(what, settings, this)
  }

  every(ms: number, task: () => Sometimes<void>): void {
    const timer = setInterval(() => this.background((async () => task())()), ms)
    timer.unref()
    this.onClose(() => clearInterval(timer))
  }

  background(work: Promise<unknown>): void {
    const guarded = work.catch((error: unknown) =>
      this.log.error({ plugin: this.name, err: error }, 'background_work_failed'),
    )
    this.#work.add(guarded)
    guarded.finally(() => this.#work.delete(guarded))
  }

  onClose(fn: () => Sometimes<void>): void {
    this.#closers.push(fn)
  }

  /** Resolves when no background work of this scope is left. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work)
  }

  /** Waits for background work first, within bounds: a redeem under way must still be stored. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await within(CLOSE_MS, this.idle())
    for (const fn of this.#closers.reverse()) {
      try {
        await fn()
      } catch (error) {
        this.log.error({ plugin: this.name, err: error }, 'close_failed')
      }
    }
  }
}
