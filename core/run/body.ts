import { Buffer } from 'node:buffer'
import { Readable } from 'node:stream'
import type { Body, Fault } from '../contract.ts'
import { fault } from '../errors.ts'
import type { ClientAnswer, ClientRequest } from './client-message.ts'
import type { Limits } from './limits.ts'

/**
 * What the terminal stage reads. Never `req` itself: an upstream failure would destroy the client's socket with it, and a request
 * whose body was pushed back is never read again. Destroying this leaves the client's connection alone.
 */
class BodyStream extends Readable {
  readonly #req: ClientRequest
  readonly #body: ClientBody
  readonly #idleMs: number
  #idle: ReturnType<typeof setTimeout> | undefined

  constructor(req: ClientRequest, body: ClientBody, idleMs: number) {
    super({ highWaterMark: 64 * 1024 })
    this.#req = req
    this.#body = body
    this.#idleMs = idleMs
    this.on('error', ignore) // whoever took it may not listen yet, and an error nobody listens for ends the process
    req.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose)
    req.pause()
  }

  override _read(): void {
    this.#req.resume()
    if (this.#idle) this.#idle.refresh()
    else if (this.#idleMs > 0) this.#idle = setTimeout(this.#onIdle, this.#idleMs).unref()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stopClock()
    const req = this.#req
    req.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('error', this.#onClose)
    if (!req.complete) req.pause()
    done(error)
  }

  #stopClock(): void {
    clearTimeout(this.#idle)
    this.#idle = undefined
  }

  readonly #onData = (piece: Buffer): void => {
    if (!this.#body.count(piece.length)) return
    this.#idle?.refresh()
    if (!this.push(piece)) {
      this.#req.pause()
      this.#stopClock() // the upstream is slow, not the client
    }
  }

  readonly #onEnd = (): void => {
    if (!this.#req.complete) return this.#onClose() // a reset stream ends as a whole one does
    this.#stopClock()
    this.push(null)
  }

  readonly #onClose = (): void => {
    if (!this.#req.complete) this.#body.break(clientLeft())
  }

  readonly #onIdle = (): void => {
    this.#body.break(fault('REQUEST_TIMEOUT', 'the client stopped sending its body'))
  }
}

type BodyLimits = Pick<Limits, 'bodyIdle' | 'body'>

/** The client's body: counted, read only when asked, and let go of without harming the connection. */
export class ClientBody implements Body {
  kind: Body['kind']
  /** Bytes read from the client so far. */
  received = 0
  /** Why it will never be complete: the client's doing, whatever the upstream says of it afterwards. */
  broken: Fault | undefined
  readonly #req: ClientRequest
  readonly #res: ClientAnswer
  readonly #expects: boolean
  readonly #limits: BodyLimits
  #stream: BodyStream | undefined
  #buffered: Uint8Array | undefined
  #asked = false
  #over = false
  #most: number
  #patient = false

  constructor(req: ClientRequest, res: ClientAnswer, has: { body: boolean; expectation: boolean }, limits: BodyLimits) {
    this.#req = req
    this.#res = res
    this.#expects = has.expectation
    this.#limits = limits
    this.#most = limits.body
    this.kind = has.body ? 'stream' : 'none'
  }

  /** A client that is silent for long is not gone. */
  patient(): void {
    this.#patient = true
  }

  /** Whether `100 Continue` was asked for and not given: then the client may never send the body, and the connection cannot be kept. */
  get withheld(): boolean {
    return this.#expects && !this.#asked && this.kind === 'stream'
  }

  get complete(): boolean {
    return this.kind === 'none' || this.#req.complete
  }

  limit(max: number): void {
    if (!(max >= 0)) throw fault('INTERNAL', 'the limit of a body is a number of bytes')
    this.#most = Math.min(this.#most, max)
    if (!this.count(0)) throw this.broken // read already: nothing is left to break off
  }

  take(): Readable | Uint8Array | null {
    if (this.kind === 'none') return null
    if (this.#buffered) return this.#buffered
    if (this.#over) throw fault('INTERNAL', 'the request has ended, and its body with it')
    if (this.#asked) throw fault('INTERNAL', 'the request body was taken twice')
    this.#asked = true
    if (this.#expects) this.#res.writeContinue()
    this.#stream = new BodyStream(this.#req, this, this.#patient ? 0 : this.#limits.bodyIdle)
    if (this.#req.destroyed && !this.#req.complete) this.break(clientLeft())
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

  /** Whether so much may still come. */
  count(bytes: number): boolean {
    this.received += bytes
    if (this.received <= this.#most) return true
    this.break(fault('BODY_TOO_LARGE', `the body is larger than ${this.#most} bytes`))
    return false
  }

  /** The request ended: whoever took it reads no more, so that the rest can be read past. */
  end(): void {
    this.#over = true
    this.#stream?.destroy()
  }

  /** It will never be complete. The first reason counts. */
  break(why: Fault): void {
    this.broken ??= why
    this.#stream?.destroy(why)
  }
}

function clientLeft(): Fault {
  return fault('CLIENT_CLOSED', 'the client left before its body was complete')
}

function ignore(): void {}
