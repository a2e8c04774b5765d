// What the default profile counts, through the host: docs/metrics.md lists it.
import type { Counter, Metric, Outcome, Resources } from '../../core/index.ts'
import type { Idp } from './idp/idp.ts'
import type { Refusal } from './token/broker.ts'
import type { Credential } from './upstream/upstream.ts'

type Metrics = Resources['metrics']

/** Times the calls that spend or revoke something; what is not asked of the IdP is not counted. */
export function timedIdp(idp: Idp, metrics: Metrics): Idp {
  const duration = metrics.histogram({
    name: 'request_duration_seconds',
    help: 'Calls to the identity provider, by what was asked and whether it answered as hoped.',
    labels: ['operation', 'result'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30],
  })
  async function timed<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const began = performance.now()
    let result = 'failed'
    try {
      const answer = await call()
      result = 'ok'
      return answer
    } finally {
      duration.labels({ operation, result }).observe((performance.now() - began) / 1_000)
    }
  }
  return {
    ...idp,
    codeGrant: (...asked) => timed('code', () => idp.codeGrant(...asked)),
    refresh: (...asked) => timed('refresh', () => idp.refresh(...asked)),
    revoke: (token) => timed('revoke', () => idp.revoke(token)),
  }
}

/** Counts what became of each mint. */
export function mintTally(metrics: Metrics): (service: string, answer: Credential | Refusal) => void {
  const mints = metrics.counter({
    name: 'token_mints_total',
    help: 'Service tokens minted, or not and why.',
    labels: ['service', 'result'],
  })
  return (service, answer) => mints.labels({ service, result: resultOf(answer) }).inc()
}

function resultOf(answer: Credential | Refusal): string {
  if (!('kind' in answer)) return 'ok'
  if (answer.kind === 'refused') return answer.reason
  return answer.kind === 'unavailable' ? `${answer.what}_unavailable` : 'grant_lost'
}

export interface SessionTally {
  opened(): void
  ended(reason: SessionEnd): void
}

/** Why a session ended before its time; one that expires in its store tells nobody. */
export type SessionEnd = 'logout' | 'grant_lost' | 'replaced' | 'operator' | 'other'

export function sessionTally(metrics: Metrics): SessionTally {
  const opened = metrics.counter({ name: 'opened_total', help: 'Sessions begun by a login.' }).labels()
  const ended = metrics.counter({
    name: 'ended_total',
    help: 'Sessions ended before their time, and why.',
    labels: ['reason'],
  })
  return { opened: () => opened.inc(), ended: (reason) => ended.labels({ reason }).inc() }
}

type UpstreamRequests = Metric<'service' | 'result', Counter>

export function upstreamRequests(metrics: Metrics): UpstreamRequests {
  return metrics.counter({
    name: 'requests_total',
    help: 'Requests sent to services: the class of the status that went back, or the code of what failed.',
    labels: ['service', 'result'],
  })
}

const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** One service's numbers, each looked up once. */
export class UpstreamTally {
  readonly #metric: UpstreamRequests
  readonly #service: string
  readonly #classes: (Counter | undefined)[] = [undefined, undefined, undefined, undefined, undefined]

  constructor(metric: UpstreamRequests, service: string) {
    this.#metric = metric
    this.#service = service
  }

  ended({ code, status }: Outcome): void {
    const at = status === null || code !== 'OK' ? -1 : ((status / 100) | 0) - 1
    if (at < 0 || at >= classes.length) return this.#of(code).inc()
    const counter = this.#classes[at] ?? this.#of(classes[at]!)
    this.#classes[at] = counter
    counter.inc()
  }

  #of(result: string): Counter {
    return this.#metric.labels({ service: this.#service, result })
  }
}
