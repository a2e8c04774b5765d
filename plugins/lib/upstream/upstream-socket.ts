// What undici takes wrongly about the end of an answer and about interim ones, and what only the connection can tell it.
import type { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The code of a connection that was reset, in place of ECONNRESET: see `nameReset`. */
export const RESET = 'UPSTREAM_RESET'

/** Before undici gets the connection. */
export function prepareSocket(socket: Socket): void {
  socket.on('error', nameReset)
  guardReads(socket)
}

const releases = new WeakMap<Duplex, () => void>()

/** After an upgrade it is a plain socket again, for a reader that undici's ways do not concern. */
export function releaseSocket(socket: Duplex): void {
  releases.get(socket)?.()
  releases.delete(socket)
}

/**
 * undici takes ECONNRESET for the end of an answer that has neither Content-Length nor chunks. Only FIN is one: a reset answer is torn,
 * and would be passed on as whole (RFC 9112 §8). Listens first, so that undici meets a code that it has no opinion about.
 */
function nameReset(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = RESET
}

/**
 * - A server may send `100 Continue` though nobody asked, and a client must put up with it (RFC 9110 §15.2); undici breaks off. It reads
 *   past other interim answers, so a 100 is made one that means nothing.
 * - An end that undici hears of while the client is slow and its parser paused throws out of the event loop, or takes a whole answer for
 *   a torn one. The end waits until all was read.
 * - libuv makes an end of a reset that arrives together with data. A connection that was reset has no peer any more.
 */
function guardReads(socket: Socket): void {
  const interim = new InterimReader()
  const { push, read, write } = socket
  let drained = true
  let ended = false
  const end = (): boolean => {
    ended = false
    if (socket.remoteAddress !== undefined) return push.call(socket, null)
    socket.destroy(Object.assign(new Error('the connection was reset'), { code: RESET }))
    return false
  }
  releases.set(socket, () => {
    Object.assign(socket, { push, read, write })
    if (ended) end()
  })
  socket.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk === null) {
      ended = true
      return drained ? end() : false
    }
    if (interim.expecting) interim.read(chunk)
    drained = false
    return push.call(socket, chunk, encoding)
  }
  socket.read = (size?: number) => {
    const chunk: unknown = read.call(socket, size)
    // undici reads without a size, and until there is no more unless it is paused.
    if (size === undefined && chunk === null) {
      drained = true
      if (ended) end()
    }
    return chunk
  }
  socket.write = ((chunk: string | Uint8Array, encoding?: BufferEncoding, done?: () => void) => {
    // Of what undici writes as text, heads alone do not begin with CR; pipelining is 1, so one answer follows each.
    if (typeof chunk === 'string' && chunk.charCodeAt(0) !== CR) interim.begin()
    return write.call(socket, chunk, encoding, done)
  }) as Socket['write']
}

const CR = 13
const LF = 10
const ZERO = 48
const ONE = 49
const NINE = 57
/** Where the code stands in `HTTP/1.1 100`. */
const CODE = 9

/** Follows the bytes from one request's head to the status line of its final answer. */
export class InterimReader {
  expecting = false
  /** Of the status line, up to its code. */
  #at = 0
  #secondIsZero = false
  /** How much of CR LF CR LF the last bytes were. */
  #blank = 0

  begin(): void {
    this.expecting = true
    this.#at = 0
  }

  /** Changes `100` to `109` in place. */
  read(chunk: Buffer): void {
    for (let i = 0; i < chunk.length && this.expecting; i++) {
      if (this.#at > CODE + 2) this.#skipHead(chunk[i]!)
      else this.#readCode(chunk, i)
    }
  }

  #readCode(chunk: Buffer, i: number): void {
    const place = this.#at++ - CODE
    const byte = chunk[i]!
    if (place === 0) this.expecting = byte === ONE
    else if (place === 1) this.#secondIsZero = byte === ZERO
    else if (place === 2) {
      if (this.#secondIsZero && byte === ZERO) chunk[i] = NINE
      if (this.#secondIsZero && byte === ONE) this.expecting = false // what follows 101 is no HTTP
      this.#blank = 0
    }
  }

  #skipHead(byte: number): void {
    const wanted = this.#blank % 2 === 0 ? CR : LF
    this.#blank = byte === wanted ? this.#blank + 1 : byte === CR ? 1 : 0
    if (this.#blank === 4) this.#at = 0
  }
}
