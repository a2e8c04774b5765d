import type { ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import type { RawHeaders } from '../../contract.ts'
import type { ClientAnswer, ClientRequest, ClientSocket } from '../client-message.ts'
import type { Peer } from '../exchange.ts'
import { answerHeaders, trailerHeaders } from './answer-headers.ts'

/** A body that is there as a whole goes in pieces: one large write shows no progress until its last byte is taken. */
const PIECE = 64 * 1024

/** Sent as RST_STREAM with INTERNAL_ERROR. Not by `close`: that ends the stream first, and END_STREAM makes a torn answer a whole one. */
const tornAnswer = new Error('the answer was broken off')

type AnswerEvent = 'close' | 'drain' | 'timeout' | 'error'

/** The answer on a stream, as core writes one; and what of a socket core needs, for this stream alone. */
export class StreamAnswer implements ClientAnswer, ClientSocket {
  readonly encrypted = true
  readonly remoteAddress: string
  readonly remotePort: number
  readonly chunkedEncoding = true
  readonly #stream: ServerHttp2Stream
  readonly #listeners: Partial<Record<'close' | 'timeout', () => void>> = {}
  #req: ClientRequest | undefined
  #status = 0
  #headers: RawHeaders = []
  #trailers: readonly [string, string][] = []
  #responded = false
  /** For the end of the body, to send what follows it. */
  #waits = false
  #ended = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #unsent = 0

  constructor(stream: ServerHttp2Stream, peer: Peer) {
    this.#stream = stream
    this.remoteAddress = peer.ip
    this.remotePort = peer.port
    stream.on('wantTrailers', () => this.#sendTrailers())
    stream.on('aborted', () => stream.destroy()) // a reset with NO_ERROR would else wait for somebody to read
    stream.on('close', () => this.#closed())
  }

  get req(): ClientRequest {
    return this.#req!
  }

  set req(req: ClientRequest) {
    this.#req = req
  }

  get socket(): ClientSocket {
    return this
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  /** On HEAD Node ends the writable side before anybody has answered. */
  get writableFinished(): boolean {
    return this.#ended && this.#stream.writableFinished
  }

  get writableLength(): number {
    return this.#stream.writableLength
  }

  on(event: AnswerEvent, listener: () => void): this {
    if (event === 'close' || event === 'timeout') this.#listeners[event] = listener
    else this.#stream.on(event, listener)
    return this
  }

  writeContinue(): void {
    this.#interim(100, {})
  }

  writeProcessing(): void {
    this.#interim(102, {})
  }

  writeEarlyHints(hints: Record<string, string | string[]>): void {
    this.#interim(103, hints)
  }

  writeHead(status: number, reasonOrHeaders: string | RawHeaders, headers?: RawHeaders): void {
    this.#status = status
    this.#headers = headers ?? (reasonOrHeaders as RawHeaders) // there are no reason phrases (RFC 9113 §8.3.2)
  }

  flushHeaders(): void {
    this.#respond('trailers')
  }

  write(bytes: Uint8Array): boolean {
    this.#respond('trailers')
    return this.#stream.writableEnded || this.#stream.write(bytes)
  }

  addTrailers(trailers: readonly [string, string][]): void {
    this.#trailers = trailers
  }

  end(body?: Uint8Array): void {
    this.#ended = true
    const empty = body === undefined || body.length === 0
    this.#respond(this.#trailers.length > 0 ? 'trailers' : empty ? 'nothing' : 'body')
    if (!this.#stream.writableEnded) {
      for (let at = 0; body !== undefined && at < body.length; at += PIECE) {
        this.#stream.write(body.subarray(at, at + PIECE))
      }
      this.#stream.end()
    }
    if (this.#stream.writableFinished) this.#release()
    else if (!this.#req?.complete) this.#stream.once('finish', () => this.#release())
  }

  /** For a stream, not its connection: a client that takes nothing of this one may well take another. */
  setTimeout(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (ms === 0 || this.destroyed) return
    this.#unsent = this.#stream.writableLength
    this.#timer = setTimeout(() => {
      if (this.#stream.writableLength < this.#unsent) return this.setTimeout(ms)
      this.#listeners.timeout?.()
    }, ms).unref()
  }

  destroy(): void {
    this.resetAndDestroy()
  }

  resetAndDestroy(): void {
    if (!this.destroyed) this.#stream.destroy(tornAnswer)
  }

  #interim(status: number, headers: Record<string, string | string[]>): void {
    if (!this.destroyed && !this.#responded) this.#stream.additionalHeaders({ ...headers, ':status': status })
  }

  /** `follows`: what comes after the head. */
  #respond(follows: 'nothing' | 'body' | 'trailers'): void {
    if (this.#responded || this.destroyed) return
    this.#responded = true
    const endStream = follows === 'nothing' || this.#req?.method === 'HEAD' || isBodyless(this.#status)
    this.#waits = follows === 'trailers' && !endStream
    try {
      this.#stream.respond(answerHeaders(this.#status, this.#headers), { endStream, waitForTrailers: this.#waits })
    } catch {
      this.resetAndDestroy() // a head that cannot be written; a torn answer must not look whole
    }
  }

  #sendTrailers(): void {
    if (this.destroyed) return
    this.#waits = false
    try {
      this.#stream.sendTrailers(trailerHeaders(this.#trailers))
    } catch {
      return this.resetAndDestroy()
    }
    this.#release()
  }

  /** Answered, and the client still sends: it is told to stop (RFC 9113 §8.1). */
  #release(): void {
    if (this.#waits || !this.writableFinished || this.#req?.complete) return
    this.#closed()
    this.#stream.close(constants.NGHTTP2_NO_ERROR)
    this.#stream.resume() // else its end is never read, and the stream never freed
  }

  #closed(): void {
    clearTimeout(this.#timer)
    const { close } = this.#listeners
    this.#listeners.close = undefined
    close?.()
  }
}

/** Node ends the stream behind the head of these by itself. */
function isBodyless(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}
