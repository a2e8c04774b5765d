import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import t from 'tap'
import { type Sample, table } from '../bench/report.ts'
import type { RowName } from '../bench/rows.ts'
import { median, percentile } from '../bench/statistics.ts'

t.test('the bench measures every row and says how the bridge stands to the target', async (t) => {
  const bench = spawn(process.execPath, ['--import=tsx', 'bench/run.ts', '--quick'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  bench.stdout.setEncoding('utf8').on('data', (text) => (output += text))
  const [code] = await once(bench, 'close')
  t.equal(code, 0)
  for (const name of ['bare', 'bare again', 'same work', 'bridge'])
    t.match(output, new RegExp(`^${name} +([\\d.]+ +){5}[\\d.]+$`, 'm'), name)
  t.match(output, /^spread between two equal processes: [\d.]+ % \(median\), [\d.]+ % \(worst round\)$/m)
  t.match(output, /^bridge \/ same work: ratio \d\.\d{3} \(target 1\.15\): (reached|missed)$/m)
})

t.test('ratios are taken within a round, so a machine that slows down between rounds changes none', async (t) => {
  const sample = (cpu: number): Sample => ({ cpu, requests: 1, perSecond: 1, p50: 1, p99: 1 })
  const samples = new Map<RowName, Sample[]>([
    ['bare', [sample(10), sample(100)]],
    ['bare again', [sample(10), sample(100)]],
    ['same work', [sample(20), sample(200)]],
    ['bridge', [sample(22), sample(220)]],
  ])
  t.match(table(samples), 'ratio 1.100 (target 1.15): reached')
  t.match(table(samples), 'spread between two equal processes: 0.0 % (median), 0.0 % (worst round)')
})

t.test('statistics', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
  t.equal(percentile([1, 2, 3, 4], 0.5), 3)
  t.equal(percentile([1], 0.99), 1)
})
