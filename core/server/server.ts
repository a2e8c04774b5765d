import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdmin } from '../admin/admin.ts'
import { ConfigError, formatProblem } from '../config/report.ts'
import { Generations } from '../generation/generations.ts'
import { type LoadedConfig, type LoadOptions, loadConfig } from '../load/load-config.ts'
import { createLog, type HostLog } from '../log/log.ts'
import type { CoreMetrics } from '../metrics/core-metrics.ts'
import { createListener } from './listener.ts'
import { TlsListener } from './tls-listener.ts'
import { watchFiles } from './watch-files.ts'

export interface ServerOptions extends LoadOptions {
  /** Instead of the one made from `log` in settings.yaml; tests read it. */
  readonly log?: HostLog
  /** Reload when a config file changes. */
  readonly watch?: boolean
}

/** Something that starting needs is not to be had; the message names it and the cure. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** A running bridge: two listeners, and the generation that new requests begin in. */
export class BasculeServer {
  readonly log: HostLog
  readonly #options: ServerOptions
  readonly #generations: Generations
  readonly #listener: Server
  /** The same one, where it speaks TLS. */
  readonly #tls: TlsListener | undefined
  readonly #admin: Server
  #reloading: Promise<unknown> = Promise.resolve()
  /** A reload that has not begun: it will see whatever changed up to now. */
  #queued: Promise<boolean> | undefined
  #stopping: Promise<void> | undefined
  #stopWatching: () => void = () => {}

  private constructor(options: ServerOptions, log: HostLog, generations: Generations) {
    this.#options = options
    this.log = log
    this.#generations = generations
    const ground = () => generations.current
    const { tls } = generations.current.config
    this.#tls = tls && new TlsListener(tls, ground)
    this.#listener = this.#tls ?? createListener(ground)
    this.#admin = createAdmin({
      ready: () => !this.#stopping,
      generations: () => generations,
    })
  }

  /** Rejects with a ConfigError, or with a StartError where a port is taken or a plugin cannot be set up. */
  static async start(options: ServerOptions): Promise<BasculeServer> {
    const { report, config } = await loadConfig(options)
    if (!config) throw new ConfigError(report.problems)
    const log = options.log ?? createLog(config.log)
    for (const problem of report.problems) log.warn({}, formatProblem(problem))
    const generations = await Generations.start(config, log).catch((error: unknown) => {
      throw new StartError(sentence(error), { cause: error })
    })
    const server = new BasculeServer(options, log, generations)
    try {
      await server.#listen(config)
    } catch (error) {
      await server.stop()
      throw error
    }
    if (options.watch) server.#watch()
    return server
  }

  /** Where the public listener is reached from this machine. */
  get url(): string {
    return originOf(this.#listener, this.#tls ? 'https' : 'http')
  }

  get adminUrl(): string {
    return originOf(this.#admin)
  }

  get config(): LoadedConfig {
    return this.#generations.current.config
  }

  /** Of all generations. */
  get metrics(): CoreMetrics {
    return this.#generations.metrics
  }

  get generation(): number {
    return this.#generations.current.number
  }

  /** Builds a new generation beside the old, swaps, and lets the old one end. False: nothing changed, and the log says why. */
  reload(): Promise<boolean> {
    if (this.#queued) return this.#queued
    const next = this.#reloading.then(() => {
      this.#queued = undefined
      return this.#reloadNow()
    })
    this.#queued = next
    this.#reloading = next
    return next
  }

  /** Takes no new connections, lets requests end within `drain_timeout`, closes everything. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#drain()
    return this.#stopping
  }

  async #listen(config: LoadedConfig): Promise<void> {
    const { host, port, admin_port } = config.server
    await listen(this.#listener, port, host, 'bridge', '--port or server.port')
    await listen(this.#admin, admin_port, '127.0.0.1', 'admin listener', '--admin-port or server.admin_port')
    for (const server of [this.#listener, this.#admin]) {
      // A connection that could not be accepted, for want of file handles: the others go on.
      server.on('error', (error) => this.log.error({ err: error }, 'accept_failed'))
    }
  }

  #watch(): void {
    this.#stopWatching = watchFiles(
      () => this.config.files,
      () => void this.reload(),
    )
  }

  async #reloadNow(): Promise<boolean> {
    if (this.#stopping) return false
    try {
      await this.#generations.replace(() => this.#load())
      if (this.config.tls) this.#tls?.renew(this.config.tls)
      return true
    } catch (error) {
      if (this.#generations.stopping) return false
      const errors = error instanceof ConfigError ? error.errors.map(formatProblem) : [sentence(error)]
      this.log.error({ generation: this.generation, errors }, 'config_rejected')
      return false
    }
  }

  async #load(): Promise<LoadedConfig> {
    const { report, config } = await loadConfig(this.#options)
    if (!config) throw new ConfigError(report.problems)
    for (const problem of report.problems) this.log.warn({}, formatProblem(problem))
    return config
  }

  async #drain(): Promise<void> {
    this.#stopWatching()
    const stopped = this.#generations.stop()
    const closed = this.#listener.listening ? once(this.#listener, 'close') : undefined
    if (closed) this.#listener.close()
    this.#listener.closeIdleConnections()
    await stopped
    this.#listener.closeAllConnections()
    await closed
    this.#admin.closeAllConnections()
    if (this.#admin.listening) await new Promise((resolve) => this.#admin.close(resolve))
    await this.log.flush()
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function listen(server: Server, port: number, host: string, what: string, cure: string): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const taken = `port ${port} (${what}) is taken; stop what uses it, or choose another with ${cure}`
    throw new StartError(code === 'EADDRINUSE' ? taken : message, { cause: error })
  }
}

function originOf(server: Server, scheme = 'http'): string {
  const { address, port, family } = server.address() as AddressInfo
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
