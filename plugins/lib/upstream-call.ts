import type { Buffer } from 'node:buffer'
import { type Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { type Fault, fault, type RawHeaders, type Sink, type Source, type Upgraded } from '../../core/index.ts'
import type { ResponseFilter, WireFields } from './response-headers.ts'
import type { UpstreamRequest } from './upstream.ts'
import { upstreamFault } from './upstream-fault.ts'
import type { UpstreamPool } from './upstream-pool.ts'
import { RESET, releaseSocket } from './upstream-socket.ts'
import { switchesToWebSocket } from './websocket-answer.ts'

type Controller = Dispatcher.DispatchController

/** How one route's calls are made. Times in milliseconds. */
export interface CallRules {
  readonly pool: UpstreamPool
  readonly filter: ResponseFilter
  readonly headersTimeout: number
  /** 0: none. */
  readonly bodyTimeout: number
}

/** What is asked of the upstream beside an answer. */
export interface Upgrading {
  upgraded(made: Upgraded, upstream: Duplex): void
}

/** An upstream that sends nothing but interim answers would keep the clock from running out. */
const MAX_INTERIM = 16
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** One request to an upstream: core's source and undici's handler in one object. */
export class UpstreamCall implements Source, Dispatcher.DispatchHandler {
  readonly #rules: CallRules
  readonly #request: UpstreamRequest
  readonly #body: Readable | Uint8Array | null
  readonly #length: string | undefined
  readonly #upgrading: Upgrading | undefined
  #sink: Sink | undefined
  #controller: Controller | undefined
  /** Waits for a connection; undici's own clock starts when the request is sent. */
  #queued: ReturnType<typeof setTimeout> | undefined
  #open = true
  #heard = false
  #fresh = false
  #retried = false
  #interim = 0

  /** `length`: the client's Content-Length, so that a streamed body keeps its framing. */
  constructor(
    rules: CallRules,
    request: UpstreamRequest,
    body: Readable | Uint8Array | null,
    length: string | undefined,
    upgrading?: Upgrading,
  ) {
    this.#rules = rules
    this.#request = request
    this.#body = body
    this.#length = length
    this.#upgrading = upgrading
    if (body instanceof Readable) body.on('error', ignore) // undici takes its listener off before the client may break off
  }

  start(sink: Sink): void {
    const { pool, headersTimeout } = this.#rules
    this.#sink = sink
    if (pool.busy) this.#queued = setTimeout(() => this.#late(), headersTimeout)
    pool.inFlight++
    pool.dispatch(this.#options(), this)
  }

  room(): void {
    if (this.#open && this.#controller?.paused) this.#controller.resume()
  }

  stop(reason: Fault): void {
    if (!this.#close()) return
    this.#controller?.abort(reason)
    if (this.#body instanceof Readable) this.#body.destroy()
  }

  /** Thrown at, undici drops the request and keeps the connection; `abort` here would cost an innocent one. */
  onRequestStart(controller: Controller): void {
    if (!this.#open) throw fault('CLIENT_CLOSED')
    clearTimeout(this.#queued)
    this.#controller = controller
    this.#fresh = this.#rules.pool.freshConnection || this.#retried
  }

  onResponseStarted(): void {
    this.#heard = true
  }

  onResponseStart(controller: Controller, status: number, _headers: unknown, reason?: string): void {
    if (!this.#open) return
    const fields = (controller.rawHeaders ?? []) as WireFields
    if (status < 200) return this.#inform(controller, status, fields)
    const headers = this.#rules.filter.head(status, fields)
    if (!this.#sink!.head(status, headers, reason === undefined ? undefined : printable(reason))) controller.pause()
  }

  /** Of an upgrade that was asked for; `upstream` is no longer undici's. Any other answer to a handshake is an answer like all. */
  onRequestUpgrade(controller: Controller, _status: number, _headers: unknown, upstream: Duplex): void {
    upstream.on('error', ignore)
    releaseSocket(upstream)
    if (!this.#close()) return void upstream.destroy()
    const fields = (controller.rawHeaders ?? []) as WireFields
    if (!switchesToWebSocket(fields)) {
      upstream.destroy()
      const why = new Error('the upstream switched to another protocol than WebSocket')
      return this.#sink!.fail(fault('UPSTREAM_PROTOCOL_ERROR', undefined, why))
    }
    const made = this.#sink!.upgraded(this.#rules.filter.head(101, fields), upstream)
    if (made) this.#upgrading?.upgraded(made, upstream)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    // undici hands over nothing, once more, when a paused answer goes on
    if (this.#open && chunk.length > 0 && !this.#sink!.chunk(chunk)) controller.pause()
  }

  onResponseEnd(controller: Controller): void {
    if (!this.#close()) return
    const fields = (controller.rawTrailers ?? []) as WireFields
    this.#sink!.end(fields.length === 0 ? undefined : this.#rules.filter.trailers(fields))
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    if (!this.#open) return
    if (this.#mayRepeat(error)) return this.#repeat()
    this.#fail(upstreamFault(error))
  }

  /** The classic spurious 502: the upstream closed an idle connection just as it was used again. Nothing was heard, so nothing was done twice. */
  #mayRepeat(error: Error): boolean {
    if (this.#heard || this.#fresh || this.#retried || this.#controller === undefined) return false
    if (this.#body !== null || !repeatable.has(this.#request.method)) return false
    const { code } = error as { readonly code?: unknown }
    return code === 'UND_ERR_SOCKET' || code === RESET || code === 'EPIPE'
  }

  #repeat(): void {
    this.#retried = true
    this.#controller = undefined
    this.#rules.pool.dispatchAlone(this.#options(), this)
  }

  #options(): Dispatcher.DispatchOptions {
    const { method, path } = this.#request
    const { headersTimeout, bodyTimeout } = this.#rules
    const options: Dispatcher.DispatchOptions = {
      path,
      method: method as Dispatcher.HttpMethod,
      headers: this.#headers(),
      body: this.#body,
      headersTimeout,
      bodyTimeout,
    }
    if (this.#upgrading) options.upgrade = 'websocket'
    // undici closes the connection after every HEAD unless told that the upstream knows HTTP.
    if (method === 'HEAD' && this.#body === null) options.reset = false
    return options
  }

  #headers(): RawHeaders {
    const { headers, credential, method, path } = this.#request
    const all = headers.slice()
    if (this.#length !== undefined) all.push('Content-Length', this.#length)
    if (credential !== undefined) all.push(...credential.headers({ method, url: this.#rules.pool.origin + path }))
    return all
  }

  #inform(controller: Controller, status: number, fields: WireFields): void {
    if (status === 101 || ++this.#interim > MAX_INTERIM) {
      const why = status === 101 ? 'switched protocols unasked' : `sent more than ${MAX_INTERIM} interim answers`
      this.#fail(fault('UPSTREAM_PROTOCOL_ERROR', undefined, new Error(`the upstream ${why}`)))
      controller.abort(fault('UPSTREAM_PROTOCOL_ERROR'))
    } else if (status === 102 || status === 103) {
      this.#sink!.inform(status, this.#rules.filter.interim(fields))
    }
  }

  #late(): void {
    this.#fail(
      fault('UPSTREAM_TIMEOUT', 'the service has no connection free', new Error('all connections stayed busy')),
    )
  }

  #fail(why: Fault): void {
    if (!this.#close()) return
    if (this.#body instanceof Readable) this.#body.destroy()
    this.#sink!.fail(why)
  }

  /** Whether this was the ending. */
  #close(): boolean {
    if (!this.#open) return false
    this.#open = false
    clearTimeout(this.#queued)
    this.#rules.pool.inFlight--
    return true
  }
}

function ignore(): void {}

/** A reason phrase with control bytes would throw, or split the answer (RFC 9112 §4). */
function printable(reason: string): string {
  return /^[\x20-\x7e]{1,128}$/.test(reason) ? reason : reason.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 128)
}
