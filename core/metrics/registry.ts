import type { Counter, CounterSpec, Gauge, GaugeSpec, Histogram, HistogramSpec, Metric, Metrics } from '../contract.ts'
import { Family, type MetricKind, type Shape } from './family.ts'
import { textOf } from './text.ts'

/** Seconds: from a file in a cache to a slow report. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const MAX_SETS = 1_000

/** All metrics of a process. A metric lives as long as somebody who asked for it: a reload keeps it, a plugin that is removed takes it along. */
export class MetricRegistry {
  readonly #families = new Map<string, { readonly family: Family; readonly owners: Set<object> }>()

  /** For one plugin in one generation; `maxSets`: of label values, for each metric. */
  ownedBy(prefix: string, maxSets = MAX_SETS): OwnedMetrics {
    return new OwnedMetrics(this, prefix, maxSets)
  }

  /** Prometheus' text exposition format 0.0.4, in pieces: a turn of the event loop belongs between them. */
  *text(): Generator<string> {
    const names = [...this.#families.keys()].sort()
    for (const name of names) {
      const held = this.#families.get(name)
      if (held) yield* textOf(held.family)
    }
  }

  take(shape: Shape, maxSets: number, owner: object): Family {
    const held = this.#families.get(shape.name) ?? { family: new Family(shape, maxSets), owners: new Set() }
    const was = held.family.shape
    if (fixed(was) !== fixed(shape))
      throw new TypeError(
        `metric ${shape.name} exists already, as ${described(was)}; what it is stays fixed while the process runs: choose another name, or restart`,
      )
    held.owners.add(owner)
    this.#families.set(shape.name, held)
    return held.family
  }

  keep(owner: object, label: string, wanted: ReadonlySet<string>): void {
    for (const { family, owners } of this.#families.values()) {
      const at = family.shape.labels.indexOf(label)
      if (at !== -1 && owners.has(owner)) family.keep((values) => wanted.has(values[at]!))
    }
  }

  release(owner: object): void {
    for (const [name, { family, owners }] of this.#families) {
      family.readers.delete(owner)
      if (owners.delete(owner) && owners.size === 0) this.#families.delete(name)
    }
  }
}

/** What one plugin of one generation makes: names begin with its own. */
export class OwnedMetrics implements Metrics {
  readonly #registry: MetricRegistry
  readonly #prefix: string
  readonly #maxSets: number

  constructor(registry: MetricRegistry, prefix: string, maxSets: number) {
    this.#registry = registry
    this.#prefix = prefix
    this.#maxSets = maxSets
  }

  counter<const L extends string = never>(spec: CounterSpec<L>): Metric<L, Counter> {
    if (!spec.name.endsWith('_total')) throw new TypeError(`counter ${spec.name}: the name of a counter ends in _total`)
    return this.#metric('counter', spec, [], spec.read)
  }

  gauge<const L extends string = never>(spec: GaugeSpec<L>): Metric<L, Gauge> {
    return this.#metric('gauge', spec, [], spec.read)
  }

  histogram<const L extends string = never>(spec: HistogramSpec<L>): Metric<L, Histogram> {
    const { buckets = DURATION_BUCKETS } = spec
    if (
      buckets.length === 0 ||
      buckets.some((bound, i) => !Number.isFinite(bound) || bound <= (buckets[i - 1] ?? -Infinity))
    )
      throw new TypeError(`histogram ${spec.name}: buckets must be finite numbers that grow`)
    return this.#metric('histogram', spec, buckets)
  }

  /** Everything it made that nobody else uses goes. */
  close(): void {
    this.#registry.release(this)
  }

  /** Lets go of the sets in which this label has another value: routes that are gone. */
  keep(label: string, wanted: ReadonlySet<string>): void {
    this.#registry.keep(this, label, wanted)
  }

  #metric<L extends string, S>(
    kind: MetricKind,
    spec: CounterSpec<L>,
    buckets: readonly number[],
    read?: () => number,
  ): Metric<L, S> {
    const labels: readonly L[] = spec.labels ?? []
    const name = `${this.#prefix}_${spec.name}`
    refuse(name, spec.help, labels)
    const family = this.#registry.take({ kind, name, help: spec.help, labels, buckets }, this.#maxSets, this)
    if (read && labels.length > 0) throw new TypeError(`metric ${spec.name}: what is read has no labels`)
    if (read) family.readers.set(this, read)
    return {
      labels: (values?: Readonly<Record<L, string>>) =>
        family.at(labels.map((label) => valueFor(spec.name, label, values))) as S,
    }
  }
}

function valueFor(name: string, label: string, values: Readonly<Record<string, string>> | undefined): string {
  const value = values?.[label]
  if (value === undefined) throw new TypeError(`metric ${name}: the label ${label} has no value`)
  return value
}

function refuse(name: string, help: string, labels: readonly string[]): void {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new TypeError(`metric ${name}: a name is lower case letters, digits and _`)
  if (help.trim() === '') throw new TypeError(`metric ${name}: help must say what is counted`)
  for (const label of labels) {
    if (!/^[a-z][a-z0-9_]*$/.test(label) || label === 'le')
      throw new TypeError(
        `metric ${name}: a label is lower case letters, digits and _, and not le, but one is ${label}`,
      )
  }
}

function fixed({ kind, labels, buckets }: Shape): string {
  return JSON.stringify([kind, labels, buckets])
}

function described({ kind, labels, buckets }: Shape): string {
  const by = labels.length > 0 ? ` by ${labels.join(', ')}` : ''
  return `${kind}${by}${buckets.length > 0 ? ` with buckets ${buckets.join(', ')}` : ''}`
}

/** A plugin's name as the beginning of a metric's. Core's and the process's own are not to be had. */
export function metricPrefix(plugin: string): string {
  const plain = plugin
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
  const reserved = !/^[a-z]/.test(plain) || /^(bascule|process|nodejs)(_|$)/.test(plain)
  return reserved ? `plugin_${plain}` : plain
}
