// npm run bench [-- --quick | --rounds N --seconds N --connections N --runtime node|deno] [--dpop]
// What a request costs in the bridge, beside a proxy that does nothing and one that does the same work by hand. All of them run all the
// time, each in a process of its own on core 0; a round loads one after the other, so that what disturbs the machine disturbs all.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { benchPath } from './bridge-config.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { cpuMicroseconds, pinned, type Runtime, startServer, Worker } from './process.ts'
import { type Sample, table } from './report.ts'
import { type Row, startRows } from './rows.ts'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    dpop: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string', default: '32' },
    runtime: { type: 'string', default: 'node' },
  },
})
const runtime: Runtime = flags.runtime === 'deno' ? 'deno' : 'node'
const rounds = Number(flags.rounds ?? (flags.quick ? 2 : 21))
const seconds = Number(flags.seconds ?? (flags.quick ? 0.3 : 1))
const connections = Number(flags.connections)

const loader = new Worker<LoadOptions, LoadResult>('bench/load.ts')
const folder = mkdtempSync(join(tmpdir(), 'bascule-bench-'))
try {
  console.log(
    `${runtime} ${process.arch}, ${pinned ? 'proxies on core 0, load and upstream on core 1' : 'NOT PINNED: rows share cores with their load'}, ` +
      `${connections} connections, ${rounds} rounds of ${seconds} s\n`,
  )
  const upstream = await startServer({
    ...{ runtime: 'node', core: 1, file: 'bench/upstream.ts', logFile: join(folder, 'upstream.log') },
    args: (port) => [String(port)],
  })
  const rows = await startRows({ runtime, upstream: upstream.port, folder, dpop: flags.dpop })
  for (const row of rows) await measure(row, Math.max(seconds, flags.quick ? 0 : 3))
  const samples = await interleave(rows)
  console.log(table(samples))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
// The provider of the bridge's login listens in this process.
process.exit()

async function interleave(rows: readonly Row[]): Promise<Map<Row['name'], Sample[]>> {
  const samples = new Map<Row['name'], Sample[]>(rows.map((row) => [row.name, []]))
  for (let round = 0; round < rounds; round++) {
    // Each round starts with another row: what comes first in a round would else always be the coolest or the hottest.
    for (let i = 0; i < rows.length; i++) {
      const row = rows[(i + round) % rows.length]
      if (row) samples.get(row.name)?.push(await measure(row))
    }
  }
  return samples
}

async function measure({ port, headers, child }: Row, time = seconds): Promise<Sample> {
  const options: LoadOptions = { port, path: benchPath, headers, connections, ms: time * 1000 }
  const before = cpuMicroseconds(child.pid) ?? Number.NaN
  const result = await loader.ask(options)
  const after = cpuMicroseconds(child.pid) ?? Number.NaN
  return { ...result, cpu: (after - before) / result.requests }
}
