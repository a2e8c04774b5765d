import type { Counter, Gauge, Histogram } from '../contract.ts'

/** One number that only grows. */
export class Count implements Counter {
  value = 0

  inc(by = 1): void {
    if (by > 0) this.value += by
  }
}

export class Level implements Gauge {
  value = 0

  set(value: number): void {
    this.value = value
  }

  inc(by = 1): void {
    this.value += by
  }

  dec(by = 1): void {
    this.value -= by
  }
}

/** How many observations were up to each bound, and their sum. */
export class Distribution implements Histogram {
  readonly bounds: readonly number[]
  /** Not cumulative; the last one is for what is beyond all bounds. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    if (Number.isNaN(value)) return // one would make the sum worthless for good
    let at = 0
    while (at < this.bounds.length && value > this.bounds[at]!) at++
    this.counts[at]!++
    this.sum += value
  }
}

export type Series = Count | Level | Distribution
