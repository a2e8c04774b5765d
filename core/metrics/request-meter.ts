import type { Outcome } from '../contract.ts'
import type { CoreMetrics } from './core-metrics.ts'
import type { Count, Distribution } from './series.ts'

const outcomes = [
  'completed',
  'rejected',
  'failed',
  'aborted',
  'upgraded',
] as const satisfies readonly Outcome['result'][]
const row: Readonly<Record<Outcome['result'], number>> = {
  completed: 0,
  rejected: 1,
  failed: 2,
  aborted: 3,
  upgraded: 4,
}
/** By the first digit; 0: nothing was put on the wire. */
const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** One route's numbers, each looked up once: a request costs a few additions. */
export class RequestMeter {
  readonly #metrics: CoreMetrics
  readonly #route: string
  readonly #counts: (Count | undefined)[] = Array.from({ length: outcomes.length * classes.length })
  #duration: Distribution | undefined
  #received: Count | undefined
  #sent: Count | undefined

  constructor(metrics: CoreMetrics, route: string) {
    this.#metrics = metrics
    this.#route = route
  }

  ended({ result, status, ms, bytesIn, bytesOut }: Outcome): void {
    if (this.#duration === undefined) this.#open()
    const digit = status === null ? 0 : Math.min(5, (status / 100) | 0)
    const at = row[result] * classes.length + digit
    const count = this.#counts[at] ?? this.#counter(at)
    count.value++
    this.#duration!.observe(ms / 1_000)
    this.#received!.value += bytesIn
    this.#sent!.value += bytesOut
  }

  /** With its first request: of ten thousand routes many never have one. */
  #open(): void {
    const { duration, received, sent } = this.#metrics
    const route = { route: this.#route }
    this.#duration = duration.labels(route) as Distribution
    this.#received = received.labels(route) as Count
    this.#sent = sent.labels(route) as Count
  }

  #counter(at: number): Count {
    const outcome = outcomes[Math.floor(at / classes.length)]!
    const status = classes[at % classes.length]!
    const count = this.#metrics.requests.labels({ route: this.#route, outcome, status }) as Count
    this.#counts[at] = count
    return count
  }
}
