import { Count, Distribution, Level, type Series } from './series.ts'

export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** What a metric is while the process runs. */
export interface Shape {
  readonly kind: MetricKind
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets: readonly number[]
}

/** A label's value may come from a request: what is kept of it is bounded. */
const MAX_VALUE = 128

/** One metric with all its label sets. Past `max` sets the rest share one, whose values are all `other`: nobody can make it grow for ever. */
export class Family {
  readonly shape: Shape
  readonly series = new Map<string, { readonly values: readonly string[]; readonly series: Series }>()
  /** Asked at each reading, instead of kept numbers; the last one given counts. */
  readonly readers = new Map<object, () => number>()
  readonly #max: number

  constructor(shape: Shape, max: number) {
    this.shape = shape
    this.#max = max
  }

  /** The series of these label values, made where there is none. */
  at(values: readonly string[]): Series {
    const kept = values.map((value) => String(value).slice(0, MAX_VALUE))
    const key = JSON.stringify(kept)
    const known = this.series.get(key)
    if (known) return known.series
    if (this.series.size < this.#max) return this.#add(key, kept)
    const others = this.shape.labels.map(() => 'other')
    const overflow = JSON.stringify(others)
    return this.series.get(overflow)?.series ?? this.#add(overflow, others)
  }

  /** Lets go of label sets; who still holds one counts in vain. */
  keep(wanted: (values: readonly string[]) => boolean): void {
    for (const [key, { values }] of this.series) if (!wanted(values)) this.series.delete(key)
  }

  #add(key: string, values: readonly string[]): Series {
    const series = this.#make()
    this.series.set(key, { values, series })
    return series
  }

  #make(): Series {
    switch (this.shape.kind) {
      case 'counter':
        return new Count()
      case 'gauge':
        return new Level()
      case 'histogram':
        return new Distribution(this.shape.buckets)
    }
  }
}
