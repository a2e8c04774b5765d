import type { LoadResult } from './load.ts'
import type { RowName } from './rows.ts'
import { median } from './statistics.ts'

export interface Sample extends LoadResult {
  /** Of the proxy's process, all threads, a request. NaN where the system does not tell. */
  readonly cpu: number
}

export const target = 1.15

type Samples = ReadonlyMap<RowName, readonly Sample[]>

/** Medians over the rounds. Ratios are taken within each round first: two rows of one round met the same machine. */
export function table(samples: Samples): string {
  const lines = [['row', 'CPU µs/request', 'requests/s', 'p50 ms', 'p99 ms', '× bare', '× same work']]
  for (const [name, rounds] of samples) {
    const of = (key: keyof Sample, digits: number) => median(rounds.map((sample) => sample[key])).toFixed(digits)
    const ratios = [ratio(samples, name, 'bare'), ratio(samples, name, 'same work')].map((value) => value.toFixed(3))
    lines.push([name, of('cpu', 1), of('perSecond', 0), of('p50', 2), of('p99', 2), ...ratios])
  }
  const spread = Math.abs(ratio(samples, 'bare again', 'bare') - 1) * 100
  const reached = ratio(samples, 'bridge', 'same work')
  return [
    ...lines.map((cells) => cells.map((cell, i) => (i === 0 ? cell.padEnd(12) : cell.padStart(15))).join('')),
    '',
    `spread between two equal processes: ${spread.toFixed(1)} % (median), ${worstSpread(samples).toFixed(1)} % (worst round)`,
    `bridge / same work: ratio ${reached.toFixed(3)} (target ${target}): ${verdict(reached)}`,
  ].join('\n')
}

function verdict(reached: number): string {
  if (Number.isNaN(reached)) return 'not measured: this system does not tell CPU time'
  return reached <= target ? 'reached' : 'missed'
}

function ratio(samples: Samples, name: RowName, base: RowName): number {
  return median(ratios(samples, name, base))
}

function ratios(samples: Samples, name: RowName, base: RowName): number[] {
  const below = samples.get(base) ?? []
  return (samples.get(name) ?? []).map((sample, round) => sample.cpu / (below[round]?.cpu ?? Number.NaN))
}

function worstSpread(samples: Samples): number {
  return Math.max(...ratios(samples, 'bare again', 'bare').map((value) => Math.abs(value - 1) * 100))
}
