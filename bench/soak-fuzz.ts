// npm run soak -- fuzz [--connections N] [--minutes N] [--seed N] [--runtime deno]
// The fuzzer of test/raw/fuzz.test.ts against a bridge of its own process, first with an upstream that answers well, then with one that
// answers anything. Ends with 1 when a promise was broken, the bridge died, or its memory did not stay flat.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { profile, settings } from '../test/kit/default-profile.ts'
import { freePort } from '../test/kit/free-port.ts'
import { Fuzzer, impatient } from '../test/kit/fuzz/fuzzer.ts'
import { JudgedUpstream } from '../test/kit/fuzz/judged-upstream.ts'
import { describe, shrink } from '../test/kit/fuzz/shrink.ts'
import { type Runtime, residentMiB, startServer } from './process.ts'

const { values: flags } = parseArgs({
  options: {
    connections: { type: 'string', default: '1000000' },
    minutes: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 30)) },
    runtime: { type: 'string', default: 'node' },
  },
})
const seed = Number(flags.seed)
const half = Math.ceil(Number(flags.connections) / 2)
const growthLimit = 64

const folder = mkdtempSync(join(tmpdir(), 'bascule-fuzz-'))
const upstream = new JudgedUpstream()
await upstream.start()
const adminPort = await freePort()
const bridge = await startServer({
  ...{ runtime: flags.runtime as Runtime, core: 0, file: 'core/cli.ts', logFile: join(folder, 'bridge.log') },
  args: (port) => {
    writeConfig(port)
    return ['start', '--config', join(folder, 'config')]
  },
})
const fuzzer = new Fuzzer(`http://127.0.0.1:${bridge.port}`, upstream)
const began = performance.now()
let settled = Number.NaN
let highest = 0
const watch = setInterval(look, 500)
const progress = setInterval(() => console.log(line()), 30_000)
console.log(`seed ${seed}`)
const found = (await kind(false, 0)) ?? (await kind(true, half))
clearInterval(watch)
clearInterval(progress)
console.log(line())
const broken: string[] = []
if (found) broken.push(`${found.broken.join()}; at its smallest: ${describe(await shrink(fuzzer, found))}`)
if (bridge.child.exitCode !== null) broken.push(`the bridge ended with ${bridge.child.exitCode}`)
if (highest - settled > growthLimit) broken.push(`memory grew by more than ${growthLimit} MiB`)
for (const what of broken) console.log(`broken: ${what}`)
console.log(broken.length === 0 ? 'every promise held' : `log: ${folder}/bridge.log`)
await upstream.stop()
if (broken.length === 0) rmSync(folder, { recursive: true, force: true })
process.exit(broken.length === 0 ? 0 : 1)

function kind(hostile: boolean, first: number) {
  const until = began + Number(flags.minutes) * (hostile ? 60_000 : 30_000)
  return fuzzer.run(seed + first, hostile, 64, (count) => count < half && performance.now() < until)
}

/** A tenth of the run, at least 1,000 connections, warms it up: what grows later is a leak. */
function look(): void {
  const now = residentMiB(bridge.child.pid)
  highest = Math.max(highest, now)
  const warm = fuzzer.cases >= 1000 && performance.now() - began > Number(flags.minutes) * 6_000
  if (Number.isNaN(settled) && (warm || fuzzer.cases > half / 5)) settled = highest
}

function line(): string {
  const seconds = (performance.now() - began) / 1000
  return (
    `${fuzzer.cases} connections, ${upstream.requests} requests upstream, ${Math.round(fuzzer.cases / seconds)} connections/s; ` +
    `memory ${Math.round(settled)} MiB, at most + ${Math.round(highest - settled)}`
  )
}

function writeConfig(port: number): void {
  const server = `server: { host: 127.0.0.1, port: ${port}, admin_port: ${adminPort}, public_url: "http://app.example", ${impatient} }`
  const files = {
    'settings.yaml': settings(`profile: audience-bridge\nlog: { level: error }\n${server}`),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${upstream.url}", timeout: 20s } }
routes: [{ id: open, path: "/open/*", target_service: api, upstream_path: "/{path}", auth: none }]
`,
  }
  mkdirSync(join(folder, 'config', 'profiles'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'config', name), text)
}
