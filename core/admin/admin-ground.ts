import type { Log } from '../contract.ts'
import type { CoreMetrics } from '../metrics/core-metrics.ts'
import type { Flight } from '../run/flight.ts'
import type { Ground } from '../run/ground.ts'
import { defaultLimits, type Limits } from '../run/limits.ts'
import { OwnNames } from '../run/own-names.ts'
import type { Pipeline } from '../run/program.ts'
import type { TraceHub } from '../trace/trace.ts'

/** An operator's request is a few words; what the public side may be sent is no measure for it. */
const limits: Limits = { ...defaultLimits, body: 64 * 1024, connections: 1_000 }
const names = new OwnNames(['http://localhost'], [])

/** The generation, with the admin listener's programs. */
export class AdminGround implements Ground {
  readonly pipeline: Pipeline
  readonly limits = limits
  readonly names = names
  readonly #generation: Ground

  constructor(generation: Ground, pipeline: Pipeline) {
    this.#generation = generation
    this.pipeline = pipeline
  }

  get log(): Log {
    return this.#generation.log
  }

  get traces(): TraceHub {
    return this.#generation.traces
  }

  get metrics(): CoreMetrics {
    return this.#generation.metrics
  }

  get draining(): boolean {
    return this.#generation.draining
  }

  get closed(): boolean {
    return this.#generation.closed
  }

  began(flight: Flight): void {
    this.#generation.began(flight)
  }

  /** Nothing of an operator's lasts. */
  lasts(): void {}

  ended(flight: Flight): void {
    this.#generation.ended(flight)
  }
}
