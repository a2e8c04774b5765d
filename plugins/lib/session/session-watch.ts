// Who is bound to which session: sockets and streams that must not outlive it. One registry for a store's sessions, one timer for all.
import { setImmediate } from 'node:timers'
import { type Fault, fault, type Sometimes } from '../../../core/index.ts'
import type { Session } from './session.ts'

/** Something open for as long as its session is. */
export interface Bound {
  /** Grows when the client uses it: what counts as use of the session. */
  readonly used: number
  /** Asks whether it may go on, where it has a question of its own; `used`: whether the session was used since the last time. */
  check?(used: boolean): void
  ended(why: Fault): void
}

/** What the registry asks of the sessions it watches over. A store that is away rejects, and nothing ends. */
export interface Watched {
  /** Whether it is over by its own clock. */
  over(session: Session): boolean
  /** Whether it was not used here for so long that it is over, unless it was used elsewhere. */
  idle(session: Session): boolean
  /** Whether it lives; the store is asked. */
  lives(session: Session): Sometimes<boolean>
  /** The same, and this counts as use. */
  use(session: Session): Sometimes<boolean>
  /** Changes whenever the session is used here, by anything. */
  uses(session: Session): number
}

interface Entry {
  readonly session: Session
  readonly bound: Set<Bound>
  used: number
  uses: number
  asked: number
  asking: boolean
}

/** Whoever is bound to a session ends with it within a second: noticing takes so long at most, and a WebSocket has 700 ms to answer a close frame. */
export const TICK_MS = 250
/** Ended in one go: some 100 ms of everybody's time. Smaller slices would have the last wait for the goodbyes of the first. */
const SLICE = 2_000
/** Where the store tells of changes, in case it missed one. */
const DOUBT_MS = 30_000

export class SessionWatch {
  readonly #watched: Watched
  /** Whether the store tells of what others change; otherwise it is asked at each tick. */
  readonly #told: boolean
  readonly #entries = new Map<string, Entry>()
  #clock = 0

  constructor(watched: Watched, told: boolean) {
    this.#watched = watched
    this.#told = told
  }

  get size(): number {
    let sum = 0
    for (const { bound } of this.#entries.values()) sum += bound.size
    return sum
  }

  /** The answer lets go of it. */
  bind(key: string, session: Session, bound: Bound): () => void {
    const entry = this.#entries.get(key) ?? this.#enter(key, session)
    entry.bound.add(bound)
    return () => {
      entry.bound.delete(bound)
      entry.used -= bound.used
      if (entry.bound.size === 0 && this.#entries.get(key) === entry) this.#entries.delete(key)
    }
  }

  #enter(key: string, session: Session): Entry {
    const uses = this.#watched.uses(session)
    const entry = { session, bound: new Set<Bound>(), used: 0, uses, asked: this.#clock, asking: false }
    this.#entries.set(key, entry)
    return entry
  }

  /** Signed out, ended by key, expired, or its grant was lost. */
  ended(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    endAll([...entry.bound], 0)
  }

  /** Another process changed it, perhaps to nothing. */
  doubt(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#ask(key, entry, false)
  }

  doubtAll(): void {
    for (const key of [...this.#entries.keys()]) this.doubt(key)
  }

  /** Every TICK_MS. */
  tick(): void {
    this.#clock += TICK_MS
    for (const [key, entry] of [...this.#entries]) {
      if (this.#watched.over(entry.session)) this.ended(key)
      else this.#tick(key, entry)
    }
  }

  close(): void {
    for (const key of [...this.#entries.keys()]) this.ended(key)
  }

  #tick(key: string, entry: Entry): void {
    let used = 0
    for (const bound of entry.bound) used += bound.used
    const use = used > entry.used
    entry.used = used
    const uses = this.#watched.uses(entry.session)
    const any = use || uses !== entry.uses
    entry.uses = uses
    for (const bound of [...entry.bound]) bound.check?.(any)
    const doubtful = !this.#told || this.#watched.idle(entry.session) || this.#clock - entry.asked >= DOUBT_MS
    if (use || doubtful) this.#ask(key, entry, use)
  }

  #ask(key: string, entry: Entry, use: boolean): void {
    if (entry.asking) return
    entry.asked = this.#clock
    let lives: Sometimes<boolean>
    try {
      lives = use ? this.#watched.use(entry.session) : this.#watched.lives(entry.session)
    } catch {
      return // away is not gone
    }
    if (typeof lives === 'boolean') return void (lives || this.ended(key))
    entry.asking = true
    lives.then(
      (late) => {
        entry.asking = false
        if (!late) this.ended(key)
      },
      () => {
        entry.asking = false // away is not gone
      },
    )
  }
}

/** One user with thousands of sockets holds up nobody else: between two slices the others have their turn. */
function endAll(all: readonly Bound[], from: number): void {
  const why = fault('SESSION_REQUIRED', 'the session ended')
  const to = Math.min(all.length, from + SLICE)
  for (let i = from; i < to; i++) all[i]!.ended(why)
  if (to < all.length) setImmediate(endAll, all, to)
}
