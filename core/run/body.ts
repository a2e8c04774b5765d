import { Buffer } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Body, Fault } from '../contract.ts'
import { fault } from '../errors.ts'

/**
 * What the terminal stage reads. Never `req` itself: an upstream failure would destroy the client's socket with it, and a request
 * whose body was pushed back is never read again. Destroying this leaves the client's connection alone.
 */
class BodyStream extends Readable {
  readonly #body: ClientBody

  constructor(body: ClientBody) {
    super({ highWaterMark: 64 * 1024 })
    this.#body = body
  }

  override _read(): void {
    this.#body.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#body.release(this)
    done(error)
  }
}

/** The client's body: counted, read only when asked, and let go of without harming the connection. */
export class ClientBody implements Body {
  kind: Body['kind']
  /** Bytes read from the client so far. */
  received = 0
  /** Why it will never be complete: the client's doing, whatever the upstream says of it afterwards. */
  broken: Fault | undefined
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #expects: boolean
  readonly #idleMs: number
  #stream: BodyStream | undefined
  #buffered: Uint8Array | undefined
  #idle: ReturnType<typeof setTimeout> | undefined
  #asked = false

  /** `idle`: a client that sends nothing for so many milliseconds while its body is wanted is gone. */
  constructor(req: IncomingMessage, res: ServerResponse, has: { body: boolean; expectation: boolean }, idle: number) {
    this.#req = req
    this.#res = res
    this.#expects = has.expectation
    this.#idleMs = idle
    this.kind = has.body ? 'stream' : 'none'
  }

  /** Whether `100 Continue` was asked for and not given: then the client may never send the body, and the connection cannot be kept. */
  get withheld(): boolean {
    return this.#expects && !this.#asked && this.kind === 'stream'
  }

  get complete(): boolean {
    return this.kind === 'none' || this.#req.complete
  }

  take(): Readable | Uint8Array | null {
    if (this.kind === 'none') return null
    if (this.#buffered) return this.#buffered
    if (this.#asked) throw fault('INTERNAL', 'the request body was taken twice')
    this.#ask()
    this.#stream = new BodyStream(this)
    this.#stream.on('error', ignore) // whoever took it may not listen yet, and an error nobody listens for ends the process
    this.#req.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose)
    this.#req.pause()
    if (this.#req.destroyed && !this.#req.complete) this.#onClose()
    return this.#stream
  }

  async bytes(max: number): Promise<Uint8Array> {
    if (this.#buffered) return this.#buffered
    const source = this.take()
    if (!(source instanceof Readable)) return source ?? new Uint8Array()
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const piece of source as AsyncIterable<Uint8Array>) {
      size += piece.length
      if (size > max) throw fault('BODY_TOO_LARGE', `the body is larger than ${max} bytes`)
      pieces.push(piece)
    }
    this.#buffered = Buffer.concat(pieces)
    this.kind = 'buffered'
    return this.#buffered
  }

  resume(): void {
    this.#req.resume()
    if (this.#idle) this.#idle.refresh()
    else this.#idle = setTimeout(this.#onIdle, this.#idleMs).unref()
  }

  release(stream: BodyStream): void {
    if (this.#stream !== stream) return
    this.#stopClock()
    this.#req.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('error', this.#onClose)
    if (!this.#req.complete) this.#req.pause()
    this.#stream = undefined
  }

  #ask(): void {
    this.#asked = true
    if (this.#expects) this.#res.writeContinue()
  }

  /** It will never be complete. The first reason counts. */
  break(why: Fault): void {
    this.broken ??= why
    this.#stream?.destroy(why)
  }

  #stopClock(): void {
    clearTimeout(this.#idle)
    this.#idle = undefined
  }

  readonly #onData = (piece: Buffer): void => {
    this.received += piece.length
    this.#idle?.refresh()
    if (this.#stream?.push(piece) === false) {
      this.#req.pause()
      this.#stopClock() // the upstream is slow, not the client
    }
  }

  readonly #onEnd = (): void => {
    this.#stopClock()
    this.#stream?.push(null)
  }

  readonly #onClose = (): void => {
    if (!this.#req.complete) this.break(fault('CLIENT_CLOSED', 'the client left before its body was complete'))
  }

  readonly #onIdle = (): void => {
    this.break(fault('REQUEST_TIMEOUT', 'the client stopped sending its body'))
  }
}

function ignore(): void {}
