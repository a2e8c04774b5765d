// Connections to one upstream, kept alive shorter than the upstream keeps them. How many there are is for the service's bulkhead to say.

import type { Socket } from 'node:net'
import { clearTimeout, setTimeout } from 'node:timers'
import { buildConnector, Client, type Dispatcher, errors, Pool } from 'undici'
import type { ServiceTls } from '../../../core/index.ts'
import { prepareSocket } from './upstream-socket.ts'
import { tlsOptions } from './upstream-tls.ts'

/** A Node upstream closes after 5 s: a connection that is reused later than this may be closing already. */
const KEEP_ALIVE_MS = 4_000
/** The most that an upstream's own `Keep-Alive: timeout=` can ask for, less 2 s for the way. */
const KEEP_ALIVE_HINT_MS = 30_000
const MAX_HEADER_BYTES = 32 * 1024

export interface PoolSettings {
  readonly origin: string
  readonly connect_timeout: number
  readonly tls: ServiceTls | null
}

/** What a call needs of the connections to its upstream, whatever is spoken on them. */
export interface Connections {
  readonly origin: string
  /** True while a request is begun on a connection that was just made. */
  readonly freshConnection: boolean
  /** Calls that have no connection yet, and still want one. */
  waiting: number
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void
  /** On a connection made for this request alone. */
  dispatchAlone(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void
  /** The status of a GET on a connection of its own. */
  probe(path: string, timeout: number): Promise<number>
  close(): Promise<void>
}

const common = {
  pipelining: 1,
  keepAliveTimeout: KEEP_ALIVE_MS,
  keepAliveMaxTimeout: KEEP_ALIVE_HINT_MS,
  maxHeaderSize: MAX_HEADER_BYTES,
  allowH2: false,
}

/** The origin is fixed: no request can change where a pool connects. Knows whether a request begins on a connection that was just made. */
export class UpstreamPool implements Connections {
  readonly origin: string
  /** True while undici starts a request on a new connection: only another one can be a stale keep-alive. */
  freshConnection = false
  /** Requests that were dispatched and have no connection yet. */
  waiting = 0
  readonly #connector: buildConnector.connector
  readonly #connectTimeout: number
  readonly #pool: Pool

  constructor({ origin, connect_timeout, tls }: PoolSettings) {
    this.origin = origin
    this.#connectTimeout = connect_timeout
    this.#connector = buildConnector({ ...tlsOptions(tls), timeout: 0, allowH2: false }) // undici's own clock is up to a second late
    this.#pool = new Pool(origin, { ...common, connect: (options, callback) => this.#connectWanted(options, callback) })
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#pool.dispatch(options, handler)
  }

  dispatchAlone(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const client = this.#client()
    client.dispatch(options, handler)
    void client.close()
  }

  async probe(path: string, timeout: number): Promise<number> {
    const client = this.#client()
    try {
      const headers = { 'user-agent': 'bascule-health-check' }
      const { statusCode, body } = await client.request({
        ...{ method: 'GET', path, headers, headersTimeout: 0 },
        signal: AbortSignal.timeout(timeout),
      })
      body.on('error', ignore) // cut off below, for its status is all we want
      return statusCode
    } finally {
      void client.destroy()
    }
  }

  /** By now every exchange has ended: what is left are idle connections. */
  close(): Promise<void> {
    return this.#pool.destroy()
  }

  #client(): Client {
    return new Client(this.origin, { ...common, connect: (options, callback) => this.#connect(options, callback) })
  }

  /** undici makes a new connection in place of each that an aborted request was on, for nobody. */
  #connectWanted(options: buildConnector.Options, callback: buildConnector.Callback): void {
    if (this.waiting > 0) return this.#connect(options, callback)
    queueMicrotask(() => callback(new Error('nobody waits for this connection'), null))
  }

  #connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    const socket = this.#connector(options, (...made) => {
      clearTimeout(timer)
      this.#connected(callback, made)
    }) as unknown as Socket // buildConnector returns it, its types do not say so
    const timer = setTimeout(() => {
      socket.destroy(new errors.ConnectTimeoutError(`no connection within ${this.#connectTimeout} ms`))
    }, this.#connectTimeout)
  }

  /** undici starts the waiting request inside this callback. */
  #connected(callback: buildConnector.Callback, made: Parameters<buildConnector.Callback>): void {
    if (made[1]) prepareSocket(made[1])
    this.freshConnection = true
    try {
      callback(...made)
    } finally {
      this.freshConnection = false
    }
  }
}

function ignore(): void {}
