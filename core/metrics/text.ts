import type { Family } from './family.ts'
import { Distribution, type Series } from './series.ts'

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Label sets a piece: some kilobytes of text. */
const SETS = 50

/** One metric in Prometheus' text format, in pieces. */
export function* textOf({ shape, series, readers }: Family): Generator<string> {
  const { name, kind, help, labels } = shape
  let piece = `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} ${kind}\n`
  const read = [...readers.values()].at(-1)
  if (read) piece += `${name} ${reading(read)}\n`
  let sets = 0
  // A copy: somebody else may count, and so add, between two pieces.
  for (const { values, series: one } of read ? [] : [...series.values()]) {
    piece += lines(name, labels.map((label, i) => `${label}="${escapedValue(values[i]!)}"`).join(','), one)
    if (++sets % SETS === 0) {
      yield piece
      piece = ''
    }
  }
  yield piece
}

function lines(name: string, labels: string, series: Series): string {
  const of = labels === '' ? '' : `{${labels}}`
  if (!(series instanceof Distribution)) return `${name}${of} ${number(series.value)}\n`
  const before = labels === '' ? '' : `${labels},`
  let count = 0
  let text = ''
  for (let i = 0; i < series.counts.length; i++) {
    count += series.counts[i]!
    text += `${name}_bucket{${before}le="${number(series.bounds[i] ?? Number.POSITIVE_INFINITY)}"} ${count}\n`
  }
  return `${text}${name}_sum${of} ${number(series.sum)}\n${name}_count${of} ${count}\n`
}

/** One plugin's reader that fails must not cost everybody's numbers. */
function reading(read: () => number): string {
  try {
    return number(Number(read()))
  } catch {
    return 'NaN'
  }
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

function escapedHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

/** A quote or a line feed in a value would begin a metric of somebody else's choice. */
function escapedValue(text: string): string {
  return escapedHelp(text).replaceAll('"', '\\"').replaceAll('\r', '\\r')
}
