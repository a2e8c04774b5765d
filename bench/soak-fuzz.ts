// npm run soak -- fuzz [--requests N] [--minutes N] [--seed N] [--runtime deno]
// The fuzzer of test/raw/fuzz.test.ts against a bridge of its own process, by turns with an upstream that answers well and with one that
// answers anything. Ends with 1 when a promise was broken, the bridge died, or its memory did not stay flat.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { profile, settings } from '../test/kit/default-profile.ts'
import { freePort } from '../test/kit/free-port.ts'
import { type Finding, Fuzzer, impatient, unhurried } from '../test/kit/fuzz/fuzzer.ts'
import { JudgedUpstream } from '../test/kit/fuzz/judged-upstream.ts'
import { describe, shrink } from '../test/kit/fuzz/shrink.ts'
import { type MemoryHeld, memoryHeld, type Runtime, startServer } from './process.ts'

const { values: flags } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    minutes: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 30)) },
    runtime: { type: 'string', default: 'node' },
  },
})
const requests = Number(flags.requests)
/** Most clients do nothing but wait for what never comes: their number, and no processor, bounds how many come a second. */
const width = 400
/** Memory is looked at after each, with nothing under way; the first two warm the bridge up. */
const parts = 10
const warm = 2
/** MiB that the heap may hold more after the last part than after the warm ones. */
const heldLimit = 8
/** MiB that the process may have more: a heap that was once large is not always given back. */
const residentLimit = 64

const folder = mkdtempSync(join(tmpdir(), 'bascule-fuzz-'))
const upstream = new JudgedUpstream()
await upstream.start()
const adminPort = await freePort()
const bridge = await startServer({
  ...{ runtime: flags.runtime as Runtime, core: 0, file: 'core/cli.ts', logFile: join(folder, 'bridge.log') },
  probed: true,
  args: (port) => {
    writeConfig(port)
    return ['start', '--config', join(folder, 'config')]
  },
})
const fuzzer = new Fuzzer(`http://127.0.0.1:${bridge.port}`, upstream)
const began = performance.now()
let next = Number(flags.seed)
const memory: MemoryHeld[] = []
console.log(`seed ${next}`)
const found = await run()
const broken: string[] = []
if (found) broken.push(`${found.broken.join()}; at its smallest: ${describe(await shrink(fuzzer, found))}`)
if (bridge.child.exitCode !== null) broken.push(`the bridge ended with ${bridge.child.exitCode}`)
else if (!found) broken.push(...growth())
for (const what of broken) console.log(`broken: ${what}`)
console.log(broken.length === 0 ? 'every promise held' : `log: ${folder}/bridge.log`)
await upstream.stop()
if (broken.length === 0) rmSync(folder, { recursive: true, force: true })
process.exit(broken.length === 0 ? 0 : 1)

async function run(): Promise<Finding | undefined> {
  for (let half = 1; half <= 2 * parts; half++) {
    const share = half / (2 * parts)
    const until = began + share * Number(flags.minutes) * 60_000
    const first = next
    const more = (cases: number) => {
      next = first + cases + 1
      return fuzzer.requests < share * requests && performance.now() < until
    }
    const finding = await fuzzer.run(first, half % 2 === 0, width, more)
    if (finding) return finding
    if (half % 2 === 0) await look()
  }
  return undefined
}

/** Once what the last clients left behind is over. */
async function look(): Promise<void> {
  await pause(1_000)
  const now = await memoryHeld(bridge.child)
  memory.push(now)
  const seconds = (performance.now() - began) / 1000
  console.log(
    `${fuzzer.requests} requests on ${fuzzer.cases} connections, ${upstream.requests} upstream, ` +
      `${Math.round(fuzzer.requests / seconds)}/s; held ${now.held.toFixed(1)} MiB of ${Math.round(now.rss)}`,
  )
}

function growth(): string[] {
  const first = memory[warm - 1]!
  const last = memory.at(-1)!
  const grown: string[] = []
  if (last.held > first.held + heldLimit) grown.push(`the heap holds ${(last.held - first.held).toFixed(1)} MiB more`)
  if (last.rss > first.rss + residentLimit) grown.push(`the process has ${Math.round(last.rss - first.rss)} MiB more`)
  return grown
}

function writeConfig(port: number): void {
  const server = `server: { host: 127.0.0.1, port: ${port}, admin_port: ${adminPort}, public_url: "http://app.example", ${impatient} }`
  const files = {
    'settings.yaml': settings(`profile: audience-bridge\nlog: { level: error }\n${server}`),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${upstream.url}", ${unhurried}, max_in_flight: 2000 } }
routes: [{ id: open, path: "/open/*", target_service: api, upstream_path: "/{path}", auth: none }]
`,
  }
  mkdirSync(join(folder, 'config', 'profiles'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'config', name), text)
}
