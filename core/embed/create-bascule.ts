import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { adminHandler } from '../admin/admin.ts'
import { ConfigError, formatProblem, Report } from '../config/report.ts'
import { Generations } from '../generation/generations.ts'
import { type LoadedConfig, loadFrom } from '../load/load-config.ts'
import type { HostLog } from '../log/log.ts'
import type { Ground } from '../run/ground.ts'
import { createListener } from '../server/listener.ts'
import { settlesWithin } from '../util/settles-within.ts'
import { closedGround } from './closed-ground.ts'
import { dataDirectory } from './data-directory.ts'
import { embedLog } from './embed-log.ts'
import { spoilt } from './foreign-request.ts'
import { type BasculeConfig, type BasculeOptions, isLogger } from './options.ts'
import type { StageList } from './stage-list.ts'

/** How long a close waits for a start that is under way. */
const START_MS = 10_000

/** A bridge inside a program of yours. */
export interface Bascule {
  /** For a `node:http` server of your own. `req.url` must be as the client sent it, and the body unread. */
  readonly handler: (req: IncomingMessage, res: ServerResponse) => void
  /**
   * What `bascule start` serves on its admin listener: console, metrics, live traces, plugins' admin endpoints. For a `node:http` server of
   * your own on 127.0.0.1, at its root: programs and pages of other origins or machines are answered 403.
   */
  readonly admin: (req: IncomingMessage, res: ServerResponse) => void
  /** What was counted so far, in Prometheus' text format 0.0.4; empty before `ready`. */
  metrics(): Promise<string>
  /** A listener with the limits of `bascule start`, for `server.listen()`; or use `listen()`. */
  readonly server: Server
  /**
   * Resolves once requests can be answered; until then they get 503. Rejects with a ConfigError that lists all problems, or with what a
   * plugin's `setup` threw. Where nobody looks at it (nor calls `listen()`), that is an unhandled rejection, and ends the process.
   */
  readonly ready: Promise<void>
  /** Waits for `ready`, listens on `server.host` and `server.port` unless told otherwise, and resolves with the listener's own origin. */
  listen(at?: { readonly host?: string; readonly port?: number }): Promise<string>
  /** Builds the new config beside the old, swaps, and lets requests of the old end. Rejects, with nothing changed, where `ready` would. */
  reload<const L extends StageList>(options: BasculeOptions<L>): Promise<void>
  /** New requests get 503; those under way end within `server.drain_timeout`; everything is closed. Idempotent. */
  close(): Promise<void>
}

/** Composes a bridge from stages and data, with the loader, the proofs and the reload of `bascule start`. See docs/embed.md. */
export function createBascule<const L extends StageList>(options: BasculeOptions<L>): Bascule {
  return new EmbeddedBascule(options)
}

class EmbeddedBascule implements Bascule {
  readonly server: Server
  readonly ready: Promise<void>
  readonly #log: HostLog
  readonly #logger: BasculeConfig['log']
  readonly #started: Promise<Generations>
  #generations: Generations | undefined
  #ground: () => Ground
  #closing: Promise<void> | undefined

  constructor(config: BasculeConfig) {
    this.#logger = isLogger(config.log) ? config.log : undefined
    this.#log = embedLog(config.log)
    const starting = closedGround(this.#log, 'OVERLOADED', 'starting; try again in a moment')
    this.#ground = () => starting
    this.server = createListener(() => this.#ground())
    this.#started = this.#start(config)
    this.#started.catch(() => {}) // told by `ready`
    this.ready = this.#started.then(() => {})
  }

  /** By way of the listener, which knows each connection: its requests run one after the other, whoever accepted it. */
  readonly handler = (req: IncomingMessage, res: ServerResponse): void => {
    if (!spoilt(req, res, this.#log)) this.server.emit('request', req, res)
  }

  readonly admin = adminHandler({ ready: () => !this.#closing, generations: () => this.#generations })

  async metrics(): Promise<string> {
    let text = ''
    for (const piece of this.#generations?.metricsText() ?? []) {
      text += piece
      await turn()
    }
    return text
  }

  async listen(at: { readonly host?: string; readonly port?: number } = {}): Promise<string> {
    await this.#opened()
    const { server } = (await this.#started).current.config
    if (this.#closing) throw new Error('this bridge is closed')
    this.server.listen(at.port ?? server.port, at.host ?? server.host)
    await once(this.server, 'listening')
    // A connection that could not be accepted, for want of file handles: the others go on.
    this.server.on('error', (error) => this.#log.error({ err: error }, 'accept_failed'))
    const { address, port, family } = this.server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  async reload(config: BasculeConfig): Promise<void> {
    await this.#opened()
    const generations = await this.#started
    await generations.replace(() => this.#load(config))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** `ready`, for callers who pass its rejection on. */
  #opened(): Promise<void> {
    this.ready.catch(() => {})
    return this.ready
  }

  async #start(config: BasculeConfig): Promise<Generations> {
    const generations = await Generations.start(await this.#load(config), this.#log)
    this.#log.configure(generations.current.config.log)
    this.#generations = generations
    if (!this.#closing) this.#ground = () => generations.current
    return generations
  }

  async #load(given: BasculeConfig): Promise<LoadedConfig> {
    const report = new Report()
    const log = given.log ?? this.#logger
    const directory = dataDirectory({ ...given, ...(log && { log }) }, report)
    if ((isLogger(log) ? log : undefined) !== this.#logger)
      report.error(directory.settings!.place(['log']), 'a reload cannot change where lines go; leave log out')
    const { config } = await loadFrom(directory, report, { adminPort: 0 })
    if (!config) throw new ConfigError(report.problems)
    for (const problem of report.problems) this.#log.warn({}, formatProblem(problem))
    return config
  }

  async #close(): Promise<void> {
    const closed = closedGround(this.#log, 'DRAINING', 'shutting down')
    this.#ground = () => closed
    const gone = this.server.listening ? once(this.server, 'close') : undefined
    if (gone) this.server.close()
    this.server.closeIdleConnections()
    this.#opened().catch(() => {})
    const stopped = this.#started.then(
      (generations) => generations.stop(),
      () => {},
    )
    // A plugin that is still being set up may never be; what comes of it is stopped all the same.
    if (await settlesWithin(START_MS, this.#started)) await stopped
    this.server.closeAllConnections()
    await gone
    await this.#log.flush()
  }
}
