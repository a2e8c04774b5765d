import { hash } from 'node:crypto'
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Shared } from '../../core/index.ts'
import { randomId } from './util/random-id.ts'

/** One limit's counters. Times in milliseconds. */
interface CounterSettings {
  readonly points: number
  readonly duration: number
  readonly max_keys: number
}

export interface Count {
  readonly allowed: boolean
  readonly left: number
  /** Milliseconds until the count begins anew. */
  readonly reset: number
}

const shared = 1024

/**
 * Counts by key, in windows that begin with a key's first request. An attacker with many addresses makes many keys: past `max_keys` what
 * is new shares some counters, so that memory ends, and nobody who is counted already is let off.
 */
export class RateCounter {
  readonly #limiter: RateLimiterMemory
  readonly #settings: CounterSettings
  readonly #secret = randomId()
  /** Keys begun in this span and in the one before: no window is longer than a span, so never fewer than there are. */
  #begun = 0
  #before = 0
  #spanFrom = Date.now()

  constructor(settings: CounterSettings) {
    this.#settings = settings
    this.#limiter = new RateLimiterMemory({ points: settings.points, duration: settings.duration / 1000 })
  }

  /** Nothing is counted. Milliseconds until this key has points again; 0: it has some. */
  async closedFor(key: string): Promise<number> {
    const count = await this.#limiter.get(await this.#countedAs(key))
    return count === null || count.consumedPoints < this.#settings.points ? 0 : count.msBeforeNext
  }

  async take(key: string): Promise<Count> {
    const counted = await this.#countedAs(key)
    return this.#limiter.consume(counted).then(
      (result) => {
        if (result.isFirstInDuration && counted === key) this.#begun++
        return { allowed: true, left: result.remainingPoints, reset: result.msBeforeNext }
      },
      (refused: RateLimiterRes | Error) => {
        if (refused instanceof Error) throw refused
        return { allowed: false, left: 0, reset: refused.msBeforeNext }
      },
    )
  }

  async #countedAs(key: string): Promise<string> {
    this.#turn(Date.now())
    const full = this.#begun + this.#before >= this.#settings.max_keys
    return full && (await this.#limiter.get(key)) === null ? this.#sharedBy(key) : key
  }

  /** Nobody can reckon which keys those are: else who floods would choose keys that close the counter of one whom nobody counted. */
  #sharedBy(key: string): string {
    return `shared:${Number.parseInt(hash('sha256', this.#secret + key, 'hex').slice(0, 8), 16) % shared}`
  }

  #turn(now: number): void {
    const since = now - this.#spanFrom
    if (since < this.#settings.duration) return
    this.#before = since < 2 * this.#settings.duration ? this.#begun : 0
    this.#begun = 0
    this.#spanFrom = now
  }
}

/** Of the process: a reload with the same limits forgives nobody. */
export const rateCounters: Shared<{ readonly limits: readonly CounterSettings[] }, readonly RateCounter[]> = {
  name: 'rate-limit',
  open: ({ limits }) => limits.map((limit) => new RateCounter(limit)),
}
