// npx tsx bench/startup.ts
// What many routes cost: from the command to the first answer, a reload and how long it holds up requests, and finding a route.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Route } from '../core/index.ts'
import { RouteTable } from '../plugins/lib/route-table.ts'
import { freePort } from '../test/kit/free-port.ts'
import { routePath, writeManyRoutes } from './many-routes.ts'
import { root } from './process.ts'
import { median } from './statistics.ts'

const counts = [10, 1_000, 10_000]
const times = 3

const columns = ['routes', 'start ms', 'reload ms', 'longest stall ms', 'find ns']
console.log(columns.map((column) => column.padStart(18)).join(''))
for (const count of counts) {
  const runs: Measured[] = []
  for (let i = 0; i < times; i++) runs.push(await measure(count))
  const of = (key: keyof Measured) => median(runs.map((run) => run[key])).toFixed(0)
  const cells = [String(count), of('start'), of('reload'), of('stall'), findNanoseconds(count).toFixed(0)]
  console.log(cells.map((cell) => cell.padStart(18)).join(''))
}

interface Measured {
  readonly start: number
  readonly reload: number
  /** Of a request that any answer to which would do, sent again and again while it reloads. */
  readonly stall: number
}

async function measure(count: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-startup-'))
  const port = await freePort()
  writeManyRoutes(folder, count, { port, adminPort: await freePort() })
  const began = performance.now()
  const child = spawn(process.execPath, [join(root, 'core/bin/bascule.js'), 'start', '--config', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await said(child, 'bascule ready')
    const start = performance.now() - began
    return { start, ...(await reload(child, port)) }
  } finally {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function reload(child: ChildProcess, port: number): Promise<{ reload: number; stall: number }> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const ask = async () => {
    const sent = performance.now()
    const [response] = (await once(http.get({ port, agent, path: '/nothing' }), 'response')) as [http.IncomingMessage]
    await once(response.resume(), 'end')
    return performance.now() - sent
  }
  for (let i = 0; i < 200; i++) await ask()
  let done = false
  const began = performance.now()
  const reloaded = said(child, 'config_reloaded').then(() => {
    done = true
    return performance.now() - began
  })
  child.kill('SIGHUP')
  let stall = 0
  while (!done) stall = Math.max(stall, await ask())
  agent.destroy()
  return { reload: await reloaded, stall }
}

async function said(child: ChildProcess, words: string): Promise<void> {
  const lines = createInterface({ input: child.stdout! })
  try {
    for await (const line of lines) if (line.includes(words)) return
  } finally {
    lines.close()
    child.stdout!.resume()
  }
  throw new Error(`the bridge ended without saying ${words}`)
}

function findNanoseconds(count: number): number {
  const routes = Array.from({ length: count }, (_, i) => ({ path: `${routePath(i)}*` }) as Route)
  const table = new RouteTable(routes)
  const paths = Array.from({ length: 1_000 }, (_, i) => `${routePath((i * 7919) % count)}a/b`)
  const round = () => {
    const began = performance.now()
    for (let i = 0; i < 100; i++) for (const path of paths) table.find(undefined, path)
    return ((performance.now() - began) * 1e6) / (100 * paths.length)
  }
  return Math.min(...Array.from({ length: 5 }, round))
}
