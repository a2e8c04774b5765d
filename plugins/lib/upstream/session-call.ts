import { performance } from 'node:perf_hooks'
import { type Fault, fault, isFault } from '../../../core/index.ts'
import type { Session, Sessions } from '../session/session.ts'
import type { Bound } from '../session/session-watch.ts'
import { now } from '../util/clock.ts'
import { LiveCall, type LiveExchange } from './live-call.ts'

/** Between two questions about a token that cannot be answered just now. */
const RETRY_MS = 10_000

export interface SessionCallRules {
  readonly sessions: Sessions
  readonly service: string
}

interface Opened {
  readonly session: Session
  readonly x: LiveExchange
  /** Of the token it was opened with, ms since the epoch. */
  readonly expiresAt: number | undefined
}

/** Open for as long as the session it was opened with. */
export class SessionCall extends LiveCall implements Bound {
  readonly #rules: SessionCallRules
  readonly #session: Session
  #expiresAt: number
  #askAt = 0
  #asking = false
  /** Since the token was last asked for. */
  #sessionUsed = false

  constructor(rules: SessionCallRules, { session, x, expiresAt }: Opened) {
    super(x)
    this.#rules = rules
    this.#session = session
    this.#expiresAt = expiresAt ?? Number.POSITIVE_INFINITY
  }

  protected override bind() {
    return this.#rules.sessions.bind(this.#session, this) ?? fault('SESSION_REQUIRED', 'the session ended')
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
    authority(this.#session, this.#rules.service).then(
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
}
