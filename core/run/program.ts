import type { Exchange, Head, Outcome, Route, SlotName, Verdict } from '../contract.ts'
import type { RequestMeter } from '../metrics/request-meter.ts'

/** What the host calls; the types of each stage's exchange were proven by defineStage and the compiler. */
export type AnyExchange = Exchange<SlotName, SlotName, SlotName>

/** One stage in one program: its hooks and what its `run` may give. */
export interface Step {
  readonly name: string
  /** For the watchdog. */
  readonly number: number
  readonly terminal: boolean
  readonly provides: readonly SlotName[]
  readonly reads: ReadonlySet<string>
  readonly timeout: number
  readonly run: ((x: AnyExchange) => Verdict | Promise<Verdict>) | undefined
  readonly response: ((x: AnyExchange, head: Head) => undefined) | undefined
  readonly settled: ((x: AnyExchange, outcome: Outcome) => undefined) | undefined
}

/** A response hook and the step from which on it applies; observers' apply from the start. */
export interface Responder {
  readonly from: number
  readonly step: Step
}

/** One route's stages, flat. Step 0 is the router, so that positions mean the same before and after routing. */
export interface Program {
  readonly route: Route | undefined
  readonly steps: readonly Step[]
  /** In the order they run: last stage first. */
  readonly responders: readonly Responder[]
  readonly settlers: readonly Step[]
  /** Counts its requests; none where nobody could read the numbers. */
  readonly meter: RequestMeter | undefined
}

/** All programs of one profile. `unrouted` holds the router and the observers: it settles what no route took. */
export interface Pipeline {
  readonly unrouted: Program
  readonly programs: ReadonlyMap<Route, Program>
}

export function program(route: Route | undefined, all: readonly Step[], meter?: RequestMeter): Program {
  const steps = all.filter((s) => s.run)
  const responders = all
    .filter((s) => s.response)
    .map((step) => ({ from: step.run ? steps.indexOf(step) : -1, step }))
    .reverse()
  return { route, steps, responders, settlers: all.filter((s) => s.settled), meter }
}
