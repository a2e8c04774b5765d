import http2, { type ClientHttp2Session } from 'node:http2'
import { errors } from 'undici'
import type { Http2Call } from './http2-call.ts'
import type { PoolSettings } from './upstream-pool.ts'
import { tlsOptions } from './upstream-tls.ts'

/** A connection that carries nothing for so long is closed. Longer than on HTTP/1: a GOAWAY says which requests were never begun. */
const IDLE_MS = 60_000
/** Until the upstream has said how many it takes. */
const STREAMS = 100
/** A request that is not answered may be the first to notice that nobody is there any more. */
const PING_MS = 2_000

const limits: http2.ClientSessionOptions = {
  maxHeaderListPairs: 1_000,
  maxSessionMemory: 64,
  settings: { enablePush: false, initialWindowSize: 256 * 1024, maxHeaderListSize: 64 * 1024 },
}

interface Watcher {
  /** Before and after a request is begun; whether the connection has just been made. */
  starting(fresh: boolean): void
  /** Nothing new may be sent on it. */
  gone(): void
}

const nobody: Watcher = { starting() {}, gone() {} }

export class Http2Connection {
  readonly #session: ClientHttp2Session
  readonly #watcher: Watcher
  readonly #waiting: Http2Call[] = []
  #carries = 0
  #ready = false
  #usable = true
  #error: Error | undefined
  #idle: ReturnType<typeof setTimeout> | undefined

  constructor({ origin, connect_timeout, tls }: PoolSettings, watcher: Watcher = nobody) {
    this.#watcher = watcher
    const session = http2.connect(origin, { ...limits, ...(origin.startsWith('https:') && tlsOptions(tls)) })
    this.#session = session
    const slow = setTimeout(() => {
      this.#fail(new errors.ConnectTimeoutError(`no connection within ${connect_timeout} ms`))
    }, connect_timeout)
    session.on('connect', () => {
      clearTimeout(slow)
      this.#connected()
    })
    session.on('error', (error) => {
      this.#error ??= error
    })
    session.on('goaway', () => this.#leave())
    session.on('close', () => {
      clearTimeout(slow)
      clearTimeout(this.#idle)
      this.#leave()
      const why = this.#error ?? new Error('the upstream closed the connection')
      for (const call of this.#waiting.splice(0)) call.failed(why)
    })
  }

  get hasRoom(): boolean {
    const { maxConcurrentStreams = STREAMS } = this.#ready ? this.#session.remoteSettings : {}
    return this.#usable && this.#carries < maxConcurrentStreams
  }

  send(call: Http2Call): void {
    this.#carries++
    clearTimeout(this.#idle)
    if (this.#ready) this.#begin(call, false)
    else this.#waiting.push(call)
  }

  probe(path: string, signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#session.on('error', reject)
      const stream = this.#session.request({ ':path': path, 'user-agent': 'bascule-health-check' }, { signal })
      stream.on('response', (headers) => resolve(Number(headers[':status'])))
      stream.on('error', reject)
      stream.on('close', () => reject(new Error('the stream was closed without an answer')))
    })
  }

  /** Whether anybody is there. */
  check(): void {
    if (this.#session.destroyed) return
    const silent = setTimeout(() => this.#fail(new Error('the upstream does not answer a PING')), PING_MS)
    this.#session.ping(() => clearTimeout(silent))
  }

  destroy(): void {
    this.#leave()
    this.#session.destroy()
  }

  #connected(): void {
    if (this.#session.encrypted && this.#session.alpnProtocol !== 'h2')
      return this.#fail(new Error('the upstream does not speak HTTP/2 (ALPN); take http2 out of the service'))
    this.#ready = true
    this.#session.setLocalWindowSize(1024 * 1024)
    for (const call of this.#waiting.splice(0)) this.#begin(call, true)
  }

  #begin(call: Http2Call, fresh: boolean): void {
    this.#watcher.starting(fresh)
    call.begin(this.#session, this)
    this.#watcher.starting(false)
  }

  ended(): void {
    this.#carries--
    if (this.#carries > 0) return
    if (!this.#usable) return this.#session.close()
    this.#idle = setTimeout(() => {
      this.#leave()
      this.#session.close()
    }, IDLE_MS).unref()
  }

  #fail(error: Error): void {
    this.#error ??= error
    this.#leave()
    this.#session.destroy(error)
  }

  #leave(): void {
    if (!this.#usable) return
    this.#usable = false
    this.#watcher.gone()
  }
}
