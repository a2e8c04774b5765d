// npm run soak -- minting [--sessions N --requests N --seconds N --runtime node|deno]
// Volleys of 200 requests for each of five services at a provider that rotates, punishes reuse, gives tokens of two seconds and takes up to
// six for an answer. No refresh token may come twice, nobody may be signed out, and requests whose token lives must not notice: their
// times are compared with those beside the same volleys before any token ran out. Ends with 1 when a promise was broken.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../test/kit/free-port.ts'
import { type LoggedIn, loginByFetch } from '../test/kit/login.ts'
import { audienceOf, serviceNames } from '../test/kit/shuffle/crowd.ts'
import { type Echo, startEchoServices } from '../test/kit/shuffle/echo-services.ts'
import { slow } from '../test/kit/slow-tokens.ts'
import { startStrictIdp } from '../test/kit/strict-idp.ts'
import { writeBridgeConfig } from './bridge-config.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { type Runtime, startServer, Worker } from './process.ts'

const { values: flags } = parseArgs({
  options: {
    sessions: { type: 'string', default: '8' },
    requests: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
    runtime: { type: 'string', default: 'node' },
  },
})
const requests = Number(flags.requests)
const seconds = Number(flags.seconds)
/** Its tokens live long. */
const steady = 'steady'
const names = [...serviceNames, steady]

const folder = mkdtempSync(join(tmpdir(), 'bascule-minting-'))
const resources = Object.fromEntries(names.map((name) => [audienceOf(name), 'application.all']))
const idp = await startStrictIdp({ accessTokenTtl: 600, resources })
const echo = await startEchoServices(names)
const adminPort = await freePort()
const bridge = await startServer({
  ...{ runtime: flags.runtime as Runtime, core: 0, file: 'core/cli.ts', logFile: join(folder, 'bridge.log') },
  args: (port) => {
    const services = Object.fromEntries(
      names.map((name) => [name, { url: echo.urls[name] ?? '', audience: audienceOf(name) }]),
    )
    writeBridgeConfig(join(folder, 'config'), { port, adminPort, idp, services })
    return ['start', '--config', join(folder, 'config')]
  },
})
const url = `http://127.0.0.1:${bridge.port}`
const agent = new http.Agent({ keepAlive: true })
const loader = new Worker<LoadOptions, LoadResult>('bench/load.ts')
const answers = { ok: 0, later: 0 }
const broken: string[] = []

const warm = await everybodyIn()
await volley(warm)
answers.ok = 0
const before = await phase(warm)
idp.accessTokenTtl = 2
const users = await everybodyIn()
await pause(2500) // all ran out; what is asked for now lives on
idp.accessTokenTtl = 600
await (await users[0]?.fetch(`/api/${steady}/first`))?.body?.cancel()
idp.accessTokenTtl = 2
const redeemed = idp.counts.refresh
answers.ok = answers.later = 0
idp.intercept = slow(6000)
const during = await phase(users)
const redeems = idp.counts.refresh - redeemed
idp.intercept = undefined
for (const user of users) await livesOn(user)

const tokens = idp.posts.flatMap(({ form }) =>
  form.grant_type === 'refresh_token' ? [String(form.refresh_token)] : [],
)
const twice = tokens.length - new Set(tokens).size
const ms = (value: number) => value.toFixed(1).padStart(9)
console.log('requests that need no token            p50 ms   p99 ms')
console.log(`beside volleys that need none either${ms(before.p50)}${ms(before.p99)}`)
console.log(`while tokens are minted in 0 to 6 s ${ms(during.p50)}${ms(during.p99)}`)
console.log(
  `volleys: ${answers.ok} answers of services, ${answers.later} times 503 with Retry-After; ${redeems} refresh tokens redeemed, ` +
    `${twice} of them twice, ${idp.counts.reuse} reuses, ${idp.counts.revoked} families revoked`,
)
if (twice + idp.counts.reuse + idp.counts.revoked > 0) broken.push('a refresh token was used twice')
if (redeems === 0) broken.push('nothing was minted')
if (during.p99 > 2 * before.p99 + 10) broken.push('the p99 of requests that need no token more than doubled')
for (const what of new Set(broken)) console.log(`broken: ${what}`)
console.log(broken.length === 0 ? 'every promise held' : `log: ${folder}/bridge.log`)
if (broken.length === 0) rmSync(folder, { recursive: true, force: true })
process.exit(broken.length === 0 ? 0 : 1)

async function everybodyIn(): Promise<LoggedIn[]> {
  const users: LoggedIn[] = []
  for (let n = 0; n < Number(flags.sessions); n++) {
    const user = await loginByFetch(url, { user: n % 2 === 0 ? 'ada' : 'bob' })
    for (const name of names) await (await user.fetch(`/api/${name}/first`)).body?.cancel()
    users.push(user)
  }
  return users
}

/** A volley each four seconds, and beside them steady requests of the first of the same sessions. */
async function phase(users: readonly LoggedIn[]): Promise<LoadResult> {
  const headers = [`Cookie: ${users[0]?.cookie}`]
  const options = {
    port: bridge.port,
    path: `/api/${steady}/x`,
    headers,
    connections: 8,
    rate: 100,
    ms: seconds * 1000,
  }
  let over = false
  const measured = loader.ask(options).finally(() => {
    over = true
  })
  const volleys: Promise<unknown>[] = []
  while (!over) {
    volleys.push(volley(users))
    await Promise.race([pause(4000), measured])
  }
  await Promise.all(volleys)
  return measured
}

/** Over two seconds: at once they would measure how fast connections are made. */
async function volley(users: readonly LoggedIn[]): Promise<void> {
  const total = requests * serviceNames.length
  const asked: Promise<void>[] = []
  const began = performance.now()
  for (let n = 0; n < total; n++) {
    const wait = began + (n * 2000) / total - performance.now()
    if (wait > 1) await pause(wait)
    const service = serviceNames[n % serviceNames.length]!
    const user = users[Math.floor(n / serviceNames.length) % users.length]!
    asked.push(ask(service, user).catch((error: Error) => void broken.push(`${service}: ${error.message}`)))
  }
  await Promise.all(asked)
}

async function ask(service: string, { cookie }: LoggedIn): Promise<void> {
  const request = http.get(`${url}/api/${service}/x`, { agent, headers: { cookie } })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let body = ''
  for await (const piece of response.setEncoding('utf8')) body += piece
  if (response.statusCode === 503 && response.headers['retry-after'] !== undefined) answers.later++
  else if (response.statusCode !== 200) broken.push(`${service}: ${response.statusCode} ${body.slice(0, 300)}`)
  else if ((JSON.parse(body) as Echo).aud !== audienceOf(service)) broken.push(`${service} got ${body}`)
  else answers.ok++
}

/** Every service answers each session within seconds, once the provider is quick again. */
async function livesOn(user: LoggedIn): Promise<void> {
  for (const service of serviceNames)
    for (let tries = 0; ; tries++) {
      const { status } = await user.fetch(`/api/${service}/last`)
      if (status === 200) break
      if (status !== 503 || tries === 60) return void broken.push(`a session ended: ${service} answers ${status}`)
      await pause(250)
    }
}
