import type { Log } from '../../../core/index.ts'
import type { BreakerSettings } from './upstream-settings.ts'

const BUCKETS = 10

type State = 'closed' | 'open' | 'probing'

/**
 * Lets nothing through to a service that fails too often, but for one request now and then that finds out whether it is back. Judged by
 * heads: a stream that breaks off after hours says nothing about the service now.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings
  readonly #service: string
  readonly #log: Log
  readonly #now: () => number
  readonly #total = new Uint32Array(BUCKETS)
  readonly #failed = new Uint32Array(BUCKETS)
  /** The newest bucket's number since the beginning of time. */
  #bucket = 0
  #state: State = 'closed'
  /** Changes with the state: what a request of an earlier state comes to does not count. */
  #era = 0
  #openUntil = 0

  constructor(service: string, settings: BreakerSettings, log: Log, now = () => performance.now()) {
    this.#service = service
    this.#settings = settings
    this.#log = log
    this.#now = now
  }

  /** Milliseconds to wait; 0: a request may go. */
  get wait(): number {
    if (this.#state === 'closed') return 0
    if (this.#state === 'probing') return this.#settings.open_time
    return Math.max(0, this.#openUntil - this.#now())
  }

  /** A request goes; `wait` was 0. What it gives is handed back to `ended`. */
  begin(): number {
    if (this.#state === 'open') this.#become('probing')
    return this.#era
  }

  /** undefined: the client left before anything was known. */
  ended(era: number, well: boolean | undefined): void {
    if (era !== this.#era) return
    if (this.#state === 'probing') this.#probed(well)
    else if (well !== undefined) this.#count(well)
  }

  #probed(well: boolean | undefined): void {
    if (well === undefined) {
      this.#openUntil = 0
      this.#become('open') // the next request finds out
    } else if (well) {
      this.#become('closed')
      this.#total.fill(0)
      this.#failed.fill(0)
      this.#log.info({ service: this.#service }, `circuit_closed service=${this.#service}`)
    } else this.#open()
  }

  #count(well: boolean): void {
    const { failure_percent, minimum_requests, window } = this.#settings
    const slot = this.#turn(Math.floor((this.#now() * BUCKETS) / window))
    this.#total[slot]!++
    if (well) return
    this.#failed[slot]!++
    const total = sum(this.#total)
    if (total < minimum_requests || sum(this.#failed) * 100 < failure_percent * total) return
    this.#open()
    this.#log.warn({ service: this.#service, requests: total }, `circuit_opened service=${this.#service}`)
  }

  #open(): void {
    this.#openUntil = this.#now() + this.#settings.open_time
    this.#become('open')
  }

  #become(state: State): void {
    this.#state = state
    this.#era++
  }

  /** Empties the buckets of times past. */
  #turn(bucket: number): number {
    for (let old = Math.max(this.#bucket + 1, bucket - BUCKETS + 1); old <= bucket; old++) {
      this.#total[old % BUCKETS] = 0
      this.#failed[old % BUCKETS] = 0
    }
    this.#bucket = bucket
    return bucket % BUCKETS
  }
}

function sum(counts: Uint32Array): number {
  let all = 0
  for (const count of counts) all += count
  return all
}
