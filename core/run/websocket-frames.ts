import { Buffer } from 'node:buffer'
import { randomFillSync } from 'node:crypto'

const CLOSE = 8
const FIN = 0x80
const MASKED = 0x80
/** A close frame's payload is at most 125 bytes, two of them the code (RFC 6455 §5.5). */
const MAX_REASON = 123

/** Follows one direction of a WebSocket by its frame headers (RFC 6455 §5.2); judges nothing and keeps no payload. */
export class FrameFollower {
  /** Text, binary and continuation frames that began. */
  dataFrames = 0
  /** A close frame went by: no frame may follow it. */
  closed = false
  #closing = false
  /** Bytes of the header read so far, and what they say. */
  #read = 0
  #second = 0
  #length = 0
  /** Bytes of masking key and payload still to come. */
  #left = 0

  /** Between two frames: here, and nowhere else, a frame of our own may stand. */
  get between(): boolean {
    return this.#read === 0 && this.#left === 0
  }

  /** Goes over `bytes`, to the end or, `stopBetween`, to the first end of a frame; answers how many it took. */
  follow(bytes: Uint8Array, stopBetween = false): number {
    let at = 0
    while (at < bytes.length && !(stopBetween && this.between)) {
      if (this.#left > 0) at = this.#skip(at, bytes.length)
      else this.#header(bytes[at++]!)
    }
    return at
  }

  #skip(at: number, end: number): number {
    const taken = Math.min(this.#left, end - at)
    this.#left -= taken
    if (this.#left === 0) this.#ended()
    return at + taken
  }

  #header(byte: number): void {
    const read = this.#read++
    if (read === 0) return this.#begin(byte & 0x0f)
    if (read === 1) {
      this.#second = byte
      this.#length = byte & 0x7f
      if (this.#length < 126) return this.#body(this.#length)
      this.#length = 0
      return
    }
    // Past 2^53 the sum is no longer exact; such a frame never ends while anybody waits.
    this.#length = this.#length * 256 + byte
    const extended = (this.#second & 0x7f) === 126 ? 2 : 8
    if (read === 1 + extended) this.#body(this.#length)
  }

  #begin(opcode: number): void {
    if (opcode === CLOSE) this.#closing = true
    else if (opcode < CLOSE) this.dataFrames++
  }

  #body(length: number): void {
    this.#read = 0
    this.#left = length + ((this.#second & MASKED) === 0 ? 0 : 4)
    if (this.#left === 0) this.#ended()
  }

  #ended(): void {
    if (this.#closing) this.closed = true
  }
}

/** `masked` as a client must send it (RFC 6455 §5.3). */
export function closeFrame(code: number, reason: string, masked: boolean): Uint8Array {
  const text = Buffer.from(reason).subarray(0, MAX_REASON)
  const payload = Buffer.alloc(2 + text.length)
  payload.writeUInt16BE(code)
  text.copy(payload, 2)
  const head = Buffer.from([FIN | CLOSE, payload.length | (masked ? MASKED : 0)])
  if (!masked) return Buffer.concat([head, payload])
  const mask = randomFillSync(Buffer.alloc(4))
  for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i % 4]!
  return Buffer.concat([head, mask, payload])
}
