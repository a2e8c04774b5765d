// npm run soak -- slow-heads [--clients N --seconds N]
// 5,000 connections that send their heads one byte a second: a normal client beside them must hardly notice, and all are cut within the
// time for a head. Ends with 1 when a promise was broken.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort } from '../test/kit/free-port.ts'
import { writeBridgeConfig } from './bridge-config.ts'
import { startServer } from './process.ts'
import type { Cut } from './slow-heads.ts'
import { percentile } from './statistics.ts'

const { values: flags } = parseArgs({
  options: { clients: { type: 'string', default: '5000' }, seconds: { type: 'string', default: '8' } },
})
const clients = Number(flags.clients)
const seconds = Number(flags.seconds)
/** server.timeouts.headers by default, and the second in which it is looked at. */
const cutBy = 11

const folder = mkdtempSync(join(tmpdir(), 'bascule-slow-heads-'))
const upstream = await startServer({
  runtime: 'node',
  core: 1,
  file: 'bench/upstream.ts',
  args: (port) => [String(port)],
  logFile: join(folder, 'upstream.log'),
})
const adminPort = await freePort()
const bridge = await startServer({
  ...{ runtime: 'node', core: 0, file: 'core/cli.ts', logFile: join(folder, 'bridge.log') },
  args: (port) => {
    const idp = { issuer: 'http://127.0.0.1:9', clientId: 'bff', clientSecret: 'never-asked' }
    const services = { analytics: { url: `http://127.0.0.1:${upstream.port}` } }
    writeBridgeConfig(join(folder, 'config'), { port, adminPort, idp, services })
    return ['start', '--config', join(folder, 'config')]
  },
})
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
const broken: string[] = []

await measured(2)
const idle = await measured(seconds)
const dripping = spawn(
  process.execPath,
  ['--import=tsx', fileURLToPath(new URL('slow-heads.ts', import.meta.url)), String(bridge.port), String(clients)],
  { stdio: ['ignore', 'pipe', 'inherit'] },
)
process.once('exit', () => dripping.kill('SIGKILL'))
let said = ''
dripping.stdout.on('data', (bytes) => {
  said += bytes
})
const over = once(dripping, 'exit')
await pause(2000) // until they are there
const beside = await measured(seconds - 2)
await over
const cut = JSON.parse(said) as Cut

console.log(
  `alone: p50 ${idle.p50} ms, p99 ${idle.p99} ms; beside ${clients} slow heads: p50 ${beside.p50} ms, p99 ${beside.p99} ms`,
)
console.log(`${cut.clients} cut after ${cut.first.toFixed(1)} to ${cut.last.toFixed(1)} s, ${cut.told} told why`)
if (beside.failed + idle.failed > 0) broken.push(`${beside.failed + idle.failed} requests of the normal client failed`)
if (beside.p99 > 2 * idle.p99) broken.push('the p99 of a normal client more than doubled')
if (cut.clients !== clients || cut.last > cutBy) broken.push(`not all were cut within ${cutBy} s`)
for (const what of broken) console.log(`broken: ${what}`)
if (broken.length === 0) rmSync(folder, { recursive: true, force: true })
process.exit(broken.length === 0 ? 0 : 1)

interface Measured {
  readonly p50: number
  readonly p99: number
  readonly failed: number
}

/** 200 requests a second, each timed from when it should have been sent. */
async function measured(duration: number): Promise<Measured> {
  const times: number[] = []
  let failed = 0
  const asked: Promise<void>[] = []
  const began = performance.now()
  for (let i = 0; i < duration * 200; i++) {
    const due = began + i * 5
    const wait = due - performance.now()
    if (wait > 0) await pause(wait)
    asked.push(
      ask().then(
        (status) => {
          times.push(performance.now() - due)
          if (status !== 200) failed++
        },
        () => void failed++,
      ),
    )
  }
  await Promise.all(asked)
  times.sort((a, b) => a - b)
  return { p50: rounded(percentile(times, 0.5)), p99: rounded(percentile(times, 0.99)), failed }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}

async function ask(): Promise<number> {
  const request = http.get({ host: '127.0.0.1', port: bridge.port, path: '/api/analytics/x', agent })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response.statusCode ?? 0
}
