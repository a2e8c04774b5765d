import { Generation, type House } from './generation.ts'
import type { LoadedConfig } from './load.ts'
import type { HostLog } from './log.ts'
import { SharedResources } from './resources.ts'
import { TraceHub } from './trace.ts'

/** The generation that new requests begin in, and the older ones that are ending. */
export class Generations {
  readonly #log: HostLog
  readonly #house: House
  readonly #retiring = new Set<Promise<void>>()
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

  get current(): Generation {
    return this.#current
  }

  /** Builds a generation beside the current one, swaps, and lets the old one end. If `load` or a plugin fails, nothing changed. */
  replace(load: () => Promise<LoadedConfig>): Promise<void> {
    const next = this.#replacing.then(async () => {
      if (this.#stopping) throw new Error('this bridge is closed')
      await this.#replaceNow(await load())
    })
    this.#replacing = next.catch(() => {})
    return next
  }

  /** Lets requests end within `drain_timeout`, then closes what plugins opened. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#drain()
    return this.#stopping
  }

  async #replaceNow(config: LoadedConfig): Promise<void> {
    const old = this.#current
    const next = await Generation.build(old.number + 1, config, this.#house)
    this.#log.configure(config.log)
    this.#warnOfFixed(old.config, config)
    this.#current = next
    this.#log.info({ generation: next.number, routes: config.profile.routes.length }, 'config_reloaded')
    const done = old.retire(old.config.server.drain_timeout)
    this.#retiring.add(done)
    done.finally(() => this.#retiring.delete(done))
  }

  #warnOfFixed(was: LoadedConfig, now: LoadedConfig): void {
    for (const key of ['host', 'port', 'admin_port'] as const) {
      if (was.server[key] !== now.server[key]) this.#log.warn({ key: `server.${key}` }, 'config_needs_restart')
    }
  }

  async #drain(): Promise<void> {
    await this.#replacing
    const current = this.#current
    current.draining = true
    await Promise.all([current.retire(current.config.server.drain_timeout), ...this.#retiring])
  }
}
