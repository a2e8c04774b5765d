import { Buffer } from 'node:buffer'
import type { RawHeaders } from '../../../core/index.ts'

const CR = 13
const LF = 10

/** Follows an event stream (text/event-stream) to know where an event ends: at a blank line, whichever of CR, LF and CRLF ends lines. */
export class EventBoundary {
  /** Bytes since the last line end were none, and before it there was a line end too, or nothing at all. */
  #blank = true
  #lineEmpty = true
  #afterCr = false

  /** Whether what was passed on so far ends with a whole event. */
  get between(): boolean {
    return this.#blank
  }

  /** Goes over `bytes`, to the end or, `stopBetween`, to the first end of an event; answers how many it took. */
  follow(bytes: Uint8Array, stopBetween = false): number {
    for (let at = 0; at < bytes.length; at++) {
      this.#byte(bytes[at]!)
      if (stopBetween && this.#blank) return at + 1
    }
    return bytes.length
  }

  #byte(byte: number): void {
    const second = byte === LF && this.#afterCr // the LF of a CRLF ends no line of its own
    this.#afterCr = byte === CR
    if (second) return
    if (byte === CR || byte === LF) {
      this.#blank = this.#lineEmpty
      this.#lineEmpty = true
    } else {
      this.#blank = false
      this.#lineEmpty = false
    }
  }
}

/** Whether an answer is an event stream that another event can be put into. */
export function isEventStream(headers: RawHeaders): boolean {
  let events = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (name === 'content-type') events = /^text\/event-stream\s*(;|$)/i.test(headers[i + 1]!)
    // Neither compressed bytes nor a promised length leave room for more.
    if (name === 'content-encoding' || name === 'content-length') return false
  }
  return events
}

/** The last event of a stream that ends with what it was allowed by. */
export function lastEvent(code: string, correlationId: string): Uint8Array {
  const name = code === 'INVALID_TOKEN' ? 'token-ended' : 'session-ended'
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify({ code, correlation_id: correlationId })}\n\n`)
}
