import type { UpstreamTarget } from './upstream-target.ts'

/** Least outstanding requests; among equals, in turn. */
export class Balancer {
  readonly #targets: readonly UpstreamTarget[]
  #next = 0

  constructor(targets: readonly UpstreamTarget[]) {
    this.#targets = targets
  }

  /** Where all are unfit one of them is tried all the same: a health check that is wrong must not end a service that works. */
  pick(): UpstreamTarget {
    return this.#least(undefined, false) ?? this.#least(undefined, true)!
  }

  /** Another one that is fit. */
  pickBeside(tried: UpstreamTarget): UpstreamTarget | undefined {
    return this.#least(tried, false)
  }

  #least(except: UpstreamTarget | undefined, any: boolean): UpstreamTarget | undefined {
    const targets = this.#targets
    let best: UpstreamTarget | undefined
    for (let n = 0; n < targets.length; n++) {
      const target = targets[(this.#next + n) % targets.length]!
      if (target === except || !(any || target.available)) continue
      if (best === undefined || target.inFlight < best.inFlight) best = target
    }
    if (best !== undefined) this.#next = (best.index + 1) % targets.length
    return best
  }
}
