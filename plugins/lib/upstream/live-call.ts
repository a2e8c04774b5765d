// A call that may stay open: a WebSocket, an event stream, a long poll. It ends with what it was allowed by: a session, or a token.
import type { Duplex } from 'node:stream'
import { clearTimeout, setTimeout } from 'node:timers'
import { type Exchange, type Fault, isFault, type RawHeaders, type Upgraded } from '../../../core/index.ts'
import { EventBoundary, isEventStream, lastEvent } from './event-boundary.ts'

/** An event under way may end; then the stream is cut off. */
const EVENT_MS = 1_000

/** The call it belongs to. */
interface LiveControls {
  /** Writes `last`, and ends in order. */
  finish(last: Uint8Array, why: Fault): void
}

/** Cancelled, it ends as the answer under way allows: with a problem, a close frame, or a reset. */
export type LiveExchange = Pick<Exchange, 'id' | 'cancel'>

export abstract class LiveCall {
  readonly #x: LiveExchange
  #controls: LiveControls | undefined
  #unbind: (() => void) | undefined
  #made: Upgraded | undefined
  #events: EventBoundary | undefined
  #ending: Fault | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(x: LiveExchange) {
    this.#x = x
  }

  /** To what it is bound; the answer lets go of it. A fault: that ended while the request was on its way. */
  protected abstract bind(): (() => void) | Fault

  /** Why it is not to be sent any more. */
  begin(controls: LiveControls): Fault | undefined {
    this.#controls = controls
    const bound = this.bind()
    if (isFault(bound)) return bound
    this.#unbind = bound
    return undefined
  }

  /** The head of an answer that is no upgrade. */
  answered(headers: RawHeaders): void {
    if (isEventStream(headers)) this.#events = new EventBoundary()
  }

  /** How much of a piece goes on. Less than all: an event ends there, and with it the stream. */
  passes(piece: Uint8Array): number {
    return this.#events === undefined ? piece.length : this.#events.follow(piece, this.#ending !== undefined)
  }

  /** After a piece was passed on. */
  passed(): void {
    if (this.#ending !== undefined && this.#events?.between) this.#farewell(this.#ending)
  }

  upgraded(made: Upgraded, upstream: Duplex): void {
    this.#made = made
    this.#controls = undefined
    upstream.once('close', () => this.over())
  }

  over(): void {
    clearTimeout(this.#timer)
    this.#unbind?.()
    this.#unbind = undefined
  }

  get used(): number {
    return this.#made?.clientMessages ?? 0
  }

  ended(why: Fault): void {
    if (this.#ending !== undefined) return
    this.#ending = why
    if (this.#events === undefined) return this.#x.cancel(why)
    if (this.#events.between) return this.#farewell(why)
    this.#timer = setTimeout(() => this.#x.cancel(why), EVENT_MS)
  }

  #farewell(why: Fault): void {
    this.#controls?.finish(lastEvent(why.code, this.#x.id), why)
  }
}
