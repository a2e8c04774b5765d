// Connections of HTTP/2 to one upstream. Not undici's: it drops trailers, takes a reset with NO_ERROR for the end of an answer, lets a
// GOAWAY end every request under way, and sends a request with a body only on a connection that carries nothing else.
import type { Dispatcher } from 'undici'
import { Http2Call } from './http2-call.ts'
import { Http2Connection } from './http2-connection.ts'
import { type Connections, type PoolSettings, UpstreamPool } from './upstream-pool.ts'

/** Opens another connection only when all that are there carry as much as the upstream takes; how much there is at all is for the bulkhead to say. */
export class Http2Pool implements Connections {
  readonly origin: string
  freshConnection = false
  #waiting = 0
  readonly #settings: PoolSettings
  readonly #open = new Set<Http2Connection>()
  /** WebSockets are asked for over HTTP/1.1: not every upstream knows RFC 8441. */
  #http1: UpstreamPool | undefined

  constructor(settings: PoolSettings) {
    this.origin = settings.origin
    this.#settings = settings
  }

  get waiting(): number {
    return this.#waiting
  }

  set waiting(count: number) {
    this.#waiting = count
    if (this.#http1) this.#http1.waiting = count
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (options.upgrade) return this.#forUpgrades().dispatch(options, handler)
    const connection = this.#withRoom() ?? this.#connect()
    connection.send(new Http2Call(this.origin, options, handler))
  }

  dispatchAlone(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (options.upgrade) return this.#forUpgrades().dispatchAlone(options, handler)
    this.#connect().send(new Http2Call(this.origin, options, handler))
  }

  async probe(path: string, timeout: number): Promise<number> {
    const connection = new Http2Connection(this.#settings)
    try {
      return await connection.probe(path, AbortSignal.timeout(timeout))
    } finally {
      connection.destroy()
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#open) connection.destroy()
    await this.#http1?.close()
  }

  #withRoom(): Http2Connection | undefined {
    for (const connection of this.#open) if (connection.hasRoom) return connection
    return undefined
  }

  #connect(): Http2Connection {
    const connection = new Http2Connection(this.#settings, {
      starting: (fresh) => {
        this.freshConnection = fresh
      },
      gone: () => this.#open.delete(connection),
    })
    this.#open.add(connection)
    return connection
  }

  #forUpgrades(): UpstreamPool {
    this.#http1 ??= new UpstreamPool(this.#settings)
    this.#http1.waiting = this.#waiting
    return this.#http1
  }
}
