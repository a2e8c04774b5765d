import { Generation, type House } from './generation.ts'
import type { LoadedConfig } from './load.ts'
import type { HostLog } from './log.ts'
import { SharedResources } from './resources.ts'
import { TraceHub } from './trace.ts'
import { within } from './within.ts'

/** The generation that new requests begin in, and the older ones that are ending. */
export class Generations {
  readonly #log: HostLog
  readonly #house: House
  readonly #retiring = new Map<Generation, Promise<void>>()
  #current: Generation
  #replacing: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | undefined

  private constructor(log: HostLog, house: House, first: Generation) {
    this.#log = log
    this.#house = house
    this.#current = first
  }

  static async start(config: LoadedConfig, log: HostLog): Promise<Generations> {
    const house = { shared: new SharedResources(), log, traces: new TraceHub() }
    return new Generations(log, house, await Generation.build(1, config, house))
  }

  get traces(): TraceHub {
    return this.#house.traces
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
      await this.#swap(await Generation.build(this.#current.number + 1, await load(), this.#house))
    })
    this.#replacing = next.catch(() => {})
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
    const done = old.retire(old.config.server.drain_timeout).finally(() => this.#retiring.delete(old))
    this.#retiring.set(old, done)
  }

  #warnOfFixed(was: LoadedConfig, now: LoadedConfig): void {
    for (const key of ['host', 'port', 'admin_port'] as const) {
      if (was.server[key] !== now.server[key]) this.#log.warn({ key: `server.${key}` }, 'config_needs_restart')
    }
  }

  /** A reload that hangs in somebody's `setup` holds it up no longer than a request would. */
  async #drain(): Promise<void> {
    const current = this.#current
    const patience = current.config.server.drain_timeout
    for (const generation of [current, ...this.#retiring.keys()]) generation.draining = true
    await Promise.all([current.retire(patience), ...this.#retiring.values(), within(patience, this.#replacing)])
  }
}

function closed(): Error {
  return new Error('this bridge is closed')
}
