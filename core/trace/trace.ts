import type { Outcome, Route, Source } from '../contract.ts'
import type { Word } from '../run/verdict.ts'

/** What one stage did with one request. `gave`: only what a slot's own toJSON shows, so that a token is a fingerprint; or what a source says. */
export interface TracedStage {
  readonly name: string
  readonly ms: number
  readonly verdict: 'proceed' | 'reply' | 'stream' | 'failed'
  readonly status?: number
  readonly code?: string
  readonly reason?: string
  readonly gave?: Readonly<Record<string, unknown>>
}

/** One request's way, told when it ended. */
export interface TraceRecord {
  readonly correlation_id: string
  readonly method: string
  /** Without the query: it may hold secrets. */
  readonly path: string
  readonly route: string | undefined
  /** The one that a stage chose, else the route's. */
  readonly service: string | undefined
  readonly stages: readonly TracedStage[]
  readonly outcome: Outcome['result']
  readonly status: number | null
  readonly code: string
  readonly reason: string | undefined
  readonly ms: number
}

type TraceListener = (record: TraceRecord) => void

/** Where those who watch are told. Nobody there: no request builds a trace. */
export class TraceHub {
  readonly #listeners = new Set<TraceListener>()

  /** A trace to fill in, if anybody watches. */
  begin(): Trace | undefined {
    return this.#listeners.size === 0 ? undefined : new Trace(this)
  }

  get size(): number {
    return this.#listeners.size
  }

  subscribe(listener: TraceListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  publish(record: TraceRecord): void {
    for (const listener of this.#listeners) listener(record)
  }
}

/** One request's trace while it is under way. */
export class Trace {
  readonly #hub: TraceHub
  readonly #stages: TracedStage[] = []
  #entered = 0
  #source: Source | undefined

  constructor(hub: TraceHub) {
    this.#hub = hub
  }

  enter(): void {
    this.#entered = performance.now()
  }

  said(name: string, word: Word): void {
    const ms = this.#elapsed()
    switch (word.kind) {
      case 'proceed':
        this.#stages.push({ name, ms, verdict: 'proceed', ...(word.values && { gave: shown(word.values) }) })
        break
      case 'reply': {
        const { reason } = word.extra
        this.#stages.push({
          name,
          ms,
          verdict: 'reply',
          status: word.status,
          code: word.code,
          ...(reason && { reason }),
        })
        break
      }
      case 'stream':
        this.#source = word.source
        this.#stages.push({ name, ms, verdict: 'stream' })
    }
  }

  failed(name: string, code: string): void {
    this.#stages.push({ name, ms: this.#elapsed(), verdict: 'failed', code })
  }

  end(
    request: { readonly id: string; readonly method: string; readonly path: string },
    route: Route | undefined,
    service: string | undefined,
    outcome: Outcome,
  ): void {
    this.#hub.publish({
      correlation_id: request.id,
      method: request.method,
      path: request.path,
      route: route?.id,
      service,
      stages: this.#stages.map((stage) => this.#withSource(stage)),
      outcome: outcome.result,
      status: outcome.status,
      code: outcome.code,
      reason: outcome.reason,
      ms: round(outcome.ms),
    })
  }

  /** A source has something to say only once it has ended. */
  #withSource(stage: TracedStage): TracedStage {
    const gave = stage.verdict === 'stream' ? this.#source?.toJSON?.() : undefined
    return gave === undefined ? stage : { ...stage, gave }
  }

  #elapsed(): number {
    return round(performance.now() - this.#entered)
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

/** A slot says itself how it prints, or only that it is there: a third party's may hold anything. */
function shown(values: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([slot, value]) => [slot, slot === 'route' ? (value as Route).id : printed(value)]),
  )
}

function printed(value: unknown): unknown {
  const speaks = typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function'
  return speaks ? (value as { toJSON(): unknown }).toJSON() : true
}
