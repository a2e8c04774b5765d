// npm run bench:logins [-- --logins N --rate N --rounds N --seconds N --runtime node|deno]
// What a signed-in user's requests notice of others who sign in: `rate` requests a second, each timed from when it was due, in turns alone and
// beside `logins` logins a second. Each login is a whole one: state, PKCE, the code redeemed, the ID token verified, a session sealed, and a
// service token minted.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http, { type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startFamilyIdp } from '../test/kit/families/family-idp.ts'
import { freePort } from '../test/kit/free-port.ts'
import { loginByFetch } from '../test/kit/login.ts'
import { benchAudience, benchPath, writeBridgeConfig } from './bridge-config.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { cpuMicroseconds, pinned, type Runtime, startServer, Worker } from './process.ts'
import { median, percentile } from './statistics.ts'

const { values: flags } = parseArgs({
  options: {
    logins: { type: 'string', default: '100' },
    rate: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '2' },
    runtime: { type: 'string', default: 'node' },
  },
})
const perSecond = Number(flags.logins)
const seconds = Number(flags.seconds)

interface Round extends LoadResult {
  /** Of the bridge, µs a second. */
  readonly cpu: number
}

// The provider and whoever signs in are here: not on the core of the bridge.
if (pinned) spawnSync('taskset', ['-acp', '1', String(process.pid)])
const folder = mkdtempSync(join(tmpdir(), 'bascule-logins-'))
const issue = (params: URLSearchParams) => ({ aud: params.get('resource') ?? 'none', rotate: true })
const idp = await startFamilyIdp({ login: issue, refresh: issue })
const upstream = await startServer({
  ...{ runtime: 'node', core: 1, file: 'bench/upstream.ts', logFile: join(folder, 'upstream.log') },
  args: (port) => [String(port)],
})
const adminPort = await freePort()
const bridge = await startServer({
  ...{ runtime: flags.runtime as Runtime, core: 0, file: 'core/cli.ts', logFile: join(folder, 'bridge.log') },
  args: (port) => {
    const known = { issuer: idp.issuer, clientId: 'bff', clientSecret: 'a-secret-of-the-bench' }
    const services = { analytics_service: { url: `http://127.0.0.1:${upstream.port}`, audience: benchAudience } }
    writeBridgeConfig(join(folder, 'config'), { port, adminPort, idp: known, services })
    return ['start', '--config', join(folder, 'config')]
  },
})
const url = `http://127.0.0.1:${bridge.port}`
const agent = new http.Agent({ keepAlive: true })
const loader = new Worker<LoadOptions, LoadResult>('bench/load.ts')
const user = await loginByFetch(url)
const times: number[] = []
const failures: string[] = []

await round(perSecond)
await round(0)
times.length = failures.length = 0
const alone: Round[] = []
const beside: Round[] = []
for (let n = 0; n < Number(flags.rounds); n++) {
  alone.push(await round(0))
  beside.push(await round(perSecond))
}
times.sort((a, b) => a - b)
const where = pinned
  ? 'bridge on core 0, all else on core 1'
  : 'NOT PINNED: the bridge shares its cores with what loads it'
console.log(`${flags.runtime} ${process.arch}, ${where}, ${flags.rounds} rounds of ${seconds} s\n`)
console.log(`${'row'.padEnd(26)} requests/s     p50 ms     p99 ms`)
console.log(line('alone', alone))
console.log(line(`beside ${perSecond} logins/s`, beside))
const reached = times.length / Number(flags.rounds) / seconds
const cost = (mid(beside, 'cpu') - mid(alone, 'cpu')) / reached / 1000
console.log(
  `\n${reached.toFixed(0)} logins a second, ${failures.length} failed; one takes ${percentile(times, 0.5).toFixed(1)} ms (p99 ${percentile(times, 0.99).toFixed(1)}), ` +
    `and the bridge ${cost.toFixed(2)} ms of CPU`,
)
for (const what of new Set(failures)) console.log(`failed: ${what}`)
rmSync(folder, { recursive: true, force: true })
process.exit(failures.length === 0 ? 0 : 1)

function mid(rounds: readonly Round[], key: keyof Round): number {
  return median(rounds.map((one) => one[key]))
}

function line(name: string, rounds: readonly Round[]): string {
  const cells = [mid(rounds, 'perSecond').toFixed(0), mid(rounds, 'p50').toFixed(2), mid(rounds, 'p99').toFixed(2)]
  return name.padEnd(26) + cells.map((cell) => cell.padStart(11)).join('')
}

async function round(logins: number): Promise<Round> {
  const headers = [`Cookie: ${user.cookie}`]
  const order = {
    port: bridge.port,
    path: benchPath,
    headers,
    connections: 16,
    rate: Number(flags.rate),
    ms: seconds * 1000,
  }
  const before = cpuMicroseconds(bridge.child.pid) ?? Number.NaN
  const [result] = await Promise.all([loader.ask(order), signIn(logins)])
  const after = cpuMicroseconds(bridge.child.pid) ?? Number.NaN
  return { ...result, cpu: (after - before) / seconds }
}

async function signIn(logins: number): Promise<void> {
  const began = performance.now()
  const under: Promise<void>[] = []
  for (let n = 0; n < logins * seconds; n++) {
    const due = began + (n * 1000) / logins
    const early = due - performance.now()
    if (early > 0) await pause(early)
    under.push(
      login(`user-${n}`).then(
        () => void times.push(performance.now() - due),
        (error: Error) => void failures.push(error.message),
      ),
    )
  }
  await Promise.all(under)
}

async function login(name: string): Promise<void> {
  const start = await get(`${url}/auth/login?return_to=/&login_hint=${name}`)
  const atProvider = await get(start.headers.location ?? '')
  const cookie = start.headers['set-cookie']?.map((text) => text.slice(0, text.indexOf(';'))).join('; ') ?? ''
  const { statusCode, headers } = await get(atProvider.headers.location ?? '', cookie)
  if (!headers['set-cookie']?.some((text) => text.startsWith('bff_session=')))
    throw new Error(`the callback answers ${statusCode} and makes no session`)
}

async function get(address: string, cookie = ''): Promise<IncomingMessage> {
  const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  const request = http.get(address, { agent, headers: cookie === '' ? navigation : { ...navigation, cookie } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response
}
