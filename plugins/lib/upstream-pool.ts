// Connections to one upstream, shared by routes and generations: bounded, kept alive shorter than the upstream keeps them.
import { buildConnector, Client, type Dispatcher, Pool } from 'undici'
import type { Shared } from '../../core/index.ts'
import { prepareSocket } from './upstream-socket.ts'

/** A streaming answer holds its connection for hours: those have a pool of their own, or they would starve the calls beside them. */
const CONNECTIONS = { calls: 256, streams: 4096 } as const
/** Requests that may wait for a connection; more are refused, for they would only wait to time out. */
const WAITING = 1024
const CONNECT_MS = 2_000
/** A Node upstream closes after 5 s: a connection that is reused later than this may be closing already. */
const KEEP_ALIVE_MS = 4_000
const KEEP_ALIVE_HINT_MS = 30_000
const MAX_HEADER_BYTES = 32 * 1024

export interface PoolSettings {
  readonly origin: string
  readonly use: keyof typeof CONNECTIONS
  readonly connect_timeout: number
}

const common = {
  pipelining: 1,
  keepAliveTimeout: KEEP_ALIVE_MS,
  keepAliveMaxTimeout: KEEP_ALIVE_HINT_MS,
  maxHeaderSize: MAX_HEADER_BYTES,
  allowH2: false,
}

/** Counts what it carries, and knows whether a request begins on a connection that was just made. */
export class UpstreamPool {
  readonly origin: string
  /** True while undici starts a request on a new connection: only another one can be a stale keep-alive. */
  freshConnection = false
  inFlight = 0
  readonly #connections: number
  readonly #connect: buildConnector.connector
  readonly #pool: Pool

  constructor({ origin, use, connect_timeout }: PoolSettings) {
    this.origin = origin
    this.#connections = CONNECTIONS[use]
    this.#connect = buildConnector({ timeout: Math.min(CONNECT_MS, connect_timeout), allowH2: false })
    const connect: buildConnector.connector = (options, callback) => {
      this.#connect(options, (...made) => this.#connected(callback, made))
    }
    this.#pool = new Pool(origin, { ...common, connections: this.#connections, connect })
  }

  /** All connections are busy and the line is long. */
  get full(): boolean {
    return this.inFlight >= this.#connections + WAITING
  }

  /** The next request will have to wait for a connection. */
  get busy(): boolean {
    return this.inFlight >= this.#connections
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#pool.dispatch(options, handler)
  }

  /** On a connection made for this request alone. */
  dispatchAlone(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const connect: buildConnector.connector = (options, callback) => {
      this.#connect(options, (...made) => prepared(callback, made))
    }
    const client = new Client(this.origin, { ...common, connect })
    client.dispatch(options, handler)
    void client.close()
  }

  /** By now every exchange has ended: what is left are idle connections. */
  close(): Promise<void> {
    return this.#pool.destroy()
  }

  /** undici starts the waiting request inside this callback. */
  #connected(callback: buildConnector.Callback, made: Parameters<buildConnector.Callback>): void {
    this.freshConnection = true
    try {
      prepared(callback, made)
    } finally {
      this.freshConnection = false
    }
  }
}

function prepared(callback: buildConnector.Callback, made: Parameters<buildConnector.Callback>): void {
  if (made[1]) prepareSocket(made[1])
  callback(...made)
}

export const upstreamPool: Shared<PoolSettings, UpstreamPool> = {
  name: 'upstream-pool',
  open: (settings) => new UpstreamPool(settings),
  close: (pool) => pool.close(),
}
