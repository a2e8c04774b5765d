// npx tsx bench/startup.ts
// What many routes cost: from the command to the first answer, a reload and how long it holds up the loop, and finding a route.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Route } from '../core/index.ts'
import { RouteTable } from '../plugins/lib/routing/route-table.ts'
import { freePort } from '../test/kit/free-port.ts'
import { install, pack } from '../test/kit/packed.ts'
import { routePath, writeManyRoutes } from './many-routes.ts'
import { root } from './process.ts'
import { median } from './statistics.ts'

const counts = [10, 1_000, 10_000]
const times = 5
const checkout = join(root, 'core/bin/bascule.js')
const app = mkdtempSync(join(tmpdir(), 'bascule-startup-'))
const probe = new URL('stall-probe.js', import.meta.url).href

try {
  const installed = join(await install(await pack(root, app), app), 'core/bin/bascule.js')
  const columns = ['routes', 'start ms', 'its CPU ms', 'from source ms', 'reload ms', 'longest stall ms', 'find ns']
  console.log(columns.map((column) => column.padStart(18)).join(''))
  for (const count of counts) await row(count, installed)
} finally {
  rmSync(app, { recursive: true, force: true })
}

/** As npm ships it, and as a checkout runs it: there tsx reads the source at each start. */
async function row(count: number, installed: string): Promise<void> {
  const runs: Measured[] = []
  const fromSource: number[] = []
  for (let i = 0; i < times; i++) {
    runs.push(await measure(installed, count, true))
    fromSource.push((await measure(checkout, count, false)).start)
  }
  const of = (key: keyof Measured) => median(runs.map((run) => run[key]))
  const cells = [count, of('start'), of('cpu'), median(fromSource), of('reload'), of('stall'), findNanoseconds(count)]
  console.log(cells.map((cell) => cell.toFixed(0).padStart(18)).join(''))
}

interface Measured {
  readonly start: number
  /** Of the start: on a busy machine, what it would take on an idle one. */
  readonly cpu: number
  readonly reload: number
  /** The longest time that the loop did nothing else. */
  readonly stall: number
}

interface Probed {
  readonly longest: number
  readonly cpu: number
}

async function measure(program: string, count: number, reloads: boolean): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-startup-'))
  writeManyRoutes(folder, count, { port: await freePort(), adminPort: await freePort() })
  const preload = reloads ? ['--import', probe] : []
  const began = performance.now()
  const child = spawn(process.execPath, [...preload, program, 'start', '--config', folder], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  try {
    await said(child, 'bascule ready')
    const start = performance.now() - began
    return {
      start,
      ...(reloads ? { cpu: (await probed(child)).cpu, ...(await reload(child)) } : { cpu: 0, reload: 0, stall: 0 }),
    }
  } finally {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The third: a process that reloads has been running for long. */
async function reload(child: ChildProcess): Promise<{ reload: number; stall: number }> {
  for (let i = 0; ; i++) {
    await probed(child)
    const began = performance.now()
    const reloaded = said(child, 'config_reloaded')
    child.kill('SIGHUP')
    await reloaded
    const reload = performance.now() - began
    const stall = (await probed(child)).longest
    if (i === 2) return { reload, stall }
  }
}

async function probed(child: ChildProcess): Promise<Probed> {
  const answer = once(child, 'message') as Promise<[Probed]>
  child.send({})
  return (await answer)[0]
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
