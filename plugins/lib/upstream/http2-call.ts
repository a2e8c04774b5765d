import type { Buffer } from 'node:buffer'
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { errors } from 'undici'
import { isFault, type RawHeaders } from '../../../core/index.ts'
import type { Http2Connection } from './http2-connection.ts'
import { http2Headers } from './http2-headers.ts'
import { MALFORMED, REFUSED } from './upstream-fault.ts'
import { RESET } from './upstream-socket.ts'

type Handler = Dispatcher.DispatchHandler
type Body = Readable | Uint8Array | null

/** One request on a stream, told to a handler in undici's words. */
export class Http2Call implements Dispatcher.DispatchController {
  rawHeaders: RawHeaders | null = null
  rawTrailers: RawHeaders | null = null
  paused = false
  aborted = false
  reason: Error | null = null
  readonly #origin: string
  readonly #options: Dispatcher.DispatchOptions
  readonly #handler: Handler
  #connection: Http2Connection | undefined
  #stream: ClientHttp2Stream | undefined
  #over = false
  #answered = false
  /** END_STREAM came. */
  #whole = false
  #clock: ReturnType<typeof setTimeout> | undefined

  constructor(origin: string, options: Dispatcher.DispatchOptions, handler: Handler) {
    this.#origin = origin
    this.#options = options
    this.#handler = handler
  }

  begin(session: ClientHttp2Session, connection: Http2Connection): void {
    this.#connection = connection
    try {
      this.#handler.onRequestStart?.(this, undefined)
      if (this.aborted) return this.failed(this.reason!)
      this.#stream = session.request(http2Headers(this.#origin, this.#options), {
        endStream: this.#body === null,
        // `close` ends the stream before it resets it: held back for trailers, END_STREAM cannot make a torn upload a whole one.
        waitForTrailers: this.#body !== null,
      })
    } catch (error) {
      return this.failed(error instanceof Error ? error : new Error(String(error)))
    }
    this.#listen(this.#stream)
    this.#upload(this.#stream)
  }

  /** The connection is no more, or never was. */
  failed(error: Error): void {
    if (this.#over) return
    this.#end()
    this.#handler.onResponseError?.(this, error)
  }

  abort(reason: Error): void {
    this.aborted = true
    this.reason ??= reason
    if (isFault(reason) && reason.code === 'UPSTREAM_TIMEOUT') this.#connection?.check()
    this.#stream?.close(constants.NGHTTP2_CANCEL)
    if (this.#stream) this.failed(reason)
  }

  pause(): void {
    this.paused = true
    clearTimeout(this.#clock) // the client is slow, not the upstream
    this.#stream?.pause()
  }

  resume(): void {
    this.paused = false
    if (this.#answered) this.#startClock(this.#options.bodyTimeout)
    this.#stream?.resume()
  }

  get #body(): Body {
    return (this.#options.body ?? null) as Body
  }

  #listen(stream: ClientHttp2Stream): void {
    const push = stream.push
    // A stream that was reset with NO_ERROR ends as a whole one does, but after it was closed: see core's EndWatch.
    stream.push = (piece: unknown, encoding?: BufferEncoding) => {
      if (piece === null && !stream.closed) this.#whole = true
      return push.call(stream, piece, encoding)
    }
    stream.on('headers', (_headers: object, _flags: number, wire: RawHeaders) => this.#head(wire, 0))
    stream.on('response', (_headers: object, flags: number, wire: RawHeaders) => this.#head(wire, flags))
    stream.on('trailers', (_headers: object, _flags: number, wire: RawHeaders) => {
      this.rawTrailers = wire
    })
    stream.on('end', () => this.#finished())
    stream.on('close', () => this.#closed(stream.rstCode))
    stream.on('error', ignore) // 'close' follows, with the code
  }

  #head(wire: RawHeaders, flags: number): void {
    if (this.#over || this.#answered) return
    const status = Number(wire[1])
    this.rawHeaders = wire.slice(2) // `:status` comes first, and nothing else of its kind is allowed (RFC 9113 §8.3.2)
    this.#answered = status >= 200
    this.#handler.onResponseStarted?.()
    if (this.#answered) this.#startClock(this.#options.bodyTimeout)
    this.#handler.onResponseStart?.(this, status, {}, undefined)
    // Told in one breath, an answer of nothing but a head goes on as one: gRPC reads its status from there.
    if (flags & constants.NGHTTP2_FLAG_END_STREAM) return this.#succeeded()
    if (!this.#answered) return
    this.#stream!.on('data', (piece: Buffer) => this.#piece(piece)) // not before: Deno would tell it ahead of the head
    if (this.paused) this.#stream!.pause()
  }

  #piece(piece: Buffer): void {
    if (this.#over) return
    if (!this.paused) this.#startClock(this.#options.bodyTimeout)
    this.#handler.onResponseData?.(this, piece)
  }

  #finished(): void {
    if (this.#whole && this.#answered) this.#succeeded()
  }

  #succeeded(): void {
    if (this.#over) return
    this.#end()
    this.#handler.onResponseEnd?.(this, {})
  }

  #closed(code: number | undefined): void {
    if (this.#whole && this.#answered && code === constants.NGHTTP2_NO_ERROR) return this.#finished()
    this.failed(Object.assign(new Error(`the upstream closed the stream (code ${code})`), { code: nameOf(code) }))
  }

  #upload(stream: ClientHttp2Stream): void {
    const body = this.#body
    if (body === null) return
    if (!(body instanceof Readable)) return void stream.end(body)
    body.on('data', (piece: Buffer) => {
      if (stream.destroyed || stream.closed || stream.write(piece)) return
      body.pause()
      if (!this.#answered) this.#startClock(this.#options.headersTimeout)
    })
    stream.on('drain', () => {
      if (!this.#answered) clearTimeout(this.#clock)
      body.resume()
    })
    body.on('end', () => stream.end())
    // Torn: END_STREAM would make a whole of it.
    body.on('error', (error) => {
      stream.close(constants.NGHTTP2_CANCEL)
      this.failed(error)
    })
    body.on('close', () => {
      if (!body.readableEnded) stream.close(constants.NGHTTP2_CANCEL)
    })
  }

  /** Starts it anew. */
  #startClock(ms: number | null | undefined): void {
    clearTimeout(this.#clock)
    if (ms) this.#clock = setTimeout(() => this.#late(), ms)
  }

  #late(): void {
    const why = this.#answered ? new errors.BodyTimeoutError() : new errors.HeadersTimeoutError()
    this.#connection?.check()
    this.#stream?.close(constants.NGHTTP2_CANCEL)
    this.failed(why)
  }

  #end(): void {
    this.#over = true
    clearTimeout(this.#clock)
    if (this.#stream?.destroyed === false) this.#stream.once('close', () => this.#connection?.ended())
    else this.#connection?.ended()
  }
}

const malformed: ReadonlySet<number | undefined> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_ENHANCE_YOUR_CALM,
])

function nameOf(code: number | undefined): string {
  if (code === constants.NGHTTP2_REFUSED_STREAM) return REFUSED
  return malformed.has(code) ? MALFORMED : RESET
}

function ignore(): void {}
