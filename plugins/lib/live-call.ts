// A call that may stay open: a WebSocket, an event stream, a long poll. Bound to the session it was opened with.
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { clearTimeout, setTimeout } from 'node:timers'
import { type Exchange, type Fault, isFault, type RawHeaders, type Upgraded } from '../../core/index.ts'
import { now } from './clock.ts'
import { EventBoundary, isEventStream, sessionEndedEvent } from './event-boundary.ts'
import type { Session, Sessions } from './session.ts'
import type { Bound } from './session-watch.ts'

/** An event under way may end; then the stream is cut off. */
const EVENT_MS = 1_000
/** Between two questions about a token that cannot be answered just now. */
const RETRY_MS = 10_000

/** The call it belongs to. */
export interface LiveControls {
  /** Writes `last`, and ends in order. */
  finish(last: Uint8Array, why: Fault): void
}

export interface LiveRules {
  readonly sessions: Sessions
  readonly service: string
}

interface Opened {
  readonly session: Session
  /** Cancelled, it ends as the answer under way allows: with a problem, a close frame, or a reset. */
  readonly x: Pick<Exchange, 'id' | 'cancel'>
  /** Of the token it was opened with, ms since the epoch. */
  readonly expiresAt: number | undefined
}

export class LiveCall implements Bound {
  readonly #rules: LiveRules
  readonly #opened: Opened
  #controls: LiveControls | undefined
  #unbind: (() => void) | undefined
  #made: Upgraded | undefined
  #events: EventBoundary | undefined
  #ending: Fault | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #expiresAt: number
  #askAt = 0
  #asking = false
  /** Since the token was last asked for. */
  #sessionUsed = false

  constructor(rules: LiveRules, opened: Opened) {
    this.#rules = rules
    this.#opened = opened
    this.#expiresAt = opened.expiresAt ?? Number.POSITIVE_INFINITY
  }

  /** False: the session ended while the request was on its way. */
  begin(controls: LiveControls): boolean {
    this.#controls = controls
    this.#unbind = this.#rules.sessions.bind(this.#opened.session, this)
    return this.#unbind !== undefined
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
    if (this.#events === undefined) return this.#opened.x.cancel(why)
    if (this.#events.between) return this.#farewell(why)
    this.#timer = setTimeout(() => this.#opened.x.cancel(why), EVENT_MS)
  }

  /** A token that ran out is asked for anew, or a revoked grant would go unnoticed while nothing else is asked for. */
  check(used: boolean): void {
    this.#sessionUsed ||= used
    const { authority } = this.#rules.sessions
    // Renewing it prolongs the session in the store: nobody's presence may do that but the user's.
    if (!this.#sessionUsed || authority === undefined || now() < this.#expiresAt) return
    if (this.#asking || performance.now() < this.#askAt) return
    this.#asking = true
    this.#sessionUsed = false
    this.#askAt = performance.now() + RETRY_MS
    authority(this.#opened.session, this.#rules.service).then(
      (answer) => this.#judge(answer),
      () => this.#judge(undefined),
    )
  }

  #judge(answer: number | Fault | undefined): void {
    this.#asking = false
    if (typeof answer === 'number') this.#expiresAt = answer
    else if (isFault(answer)) this.ended(answer)
    else this.#sessionUsed = true
  }

  #farewell(why: Fault): void {
    this.#controls?.finish(sessionEndedEvent(why.code, this.#opened.x.id), why)
  }
}
