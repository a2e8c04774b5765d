// A new configuration beside the old, one swap, and the old one ends: under load, half-written, in a storm, and when the process stops.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import process from 'node:process'
import t, { type Test } from 'tap'
import { type RunningBascule, startBascule } from '../kit/bascule.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { get } from '../kit/front.ts'
import { rawClient } from '../kit/raw-client.ts'
import { startUpstream, type Upstream } from '../kit/upstream.ts'

/** Counts what each generation opens and closes, in this process. */
const counting = `
const opened = (globalThis.opened ??= [])
export default ({ defineStage }) => defineStage({
  name: 'counting',
  async setup(host) {
    const mine = { closed: 0 }
    opened.push(mine)
    host.onClose(() => void mine.closed++)
    host.every(10, () => {})
    await globalThis.settingUp?.()
    return () => ({ run: (x) => x.proceed() })
  },
})`

interface Opened {
  closed: number
}
const shared = globalThis as { opened?: Opened[]; settingUp?: (() => Promise<void>) | undefined }

function routes(upstream: Upstream, more = ''): string {
  return `
services: { api: { base_url: "${upstream.url}" } }
routes:
  - { id: open, path: "/open/*", target_service: api, upstream_path: "/{path}", auth: none }
${more}`
}

async function start(t: Test, { drain = '5s', watch = false } = {}) {
  const held: (() => void)[] = []
  const wakes: (() => void)[] = []
  const upstream = await startUpstream(t, (req, res) => {
    if (req.url !== '/hold') return void res.end('fine')
    res.writeHead(200)
    res.write('first ')
    held.push(() => res.end('last'))
    for (const wake of wakes.splice(0)) wake()
  })
  shared.opened = []
  shared.settingUp = undefined
  const bascule = await startBascule(
    t,
    {
      'settings.yaml': settings(`server: { drain_timeout: ${drain} }`),
      'profiles/audience-bridge.yaml': profile([
        'route-match',
        './counting.ts',
        'session-auth',
        'token-resolve',
        'header-inject',
        'forward',
        'log',
      ]),
      'counting.ts': counting,
      'routes.yaml': routes(upstream),
    },
    { watch },
  )
  return {
    bascule,
    upstream,
    release: () => held.shift()?.(),
    async holds(count: number) {
      while (held.length < count) await new Promise<void>((resolve) => wakes.push(resolve))
    },
  }
}

const event = (bascule: RunningBascule, msg: string) => bascule.lines.filter((line) => line.msg === msg)

/** Requests one after the other on kept connections, until told to stop; resolves with all statuses. */
function load(url: string, lanes: number) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: lanes })
  let on = true
  const one = () =>
    new Promise<number>((resolve) => {
      http
        .get(`${url}/open/x`, { agent }, (res) => {
          res.resume()
          res.on('end', () => resolve(res.statusCode ?? 0))
        })
        .on('error', () => resolve(-1))
    })
  const lane = async () => {
    const statuses: number[] = []
    while (on) statuses.push(await one())
    return statuses
  }
  const done = Promise.all(Array.from({ length: lanes }, lane))
  return {
    one,
    async end() {
      on = false
      const statuses = (await done).flat()
      agent.destroy()
      return statuses
    },
  }
}

t.test('fifty reloads at once under load: nothing fails, everything old is closed, and nothing piles up', async (t) => {
  const { bascule } = await start(t)
  const traffic = load(bascule.url, 8)
  await traffic.one()
  const before = process.getActiveResourcesInfo().length
  for (let storm = 0; storm < 4; storm++) {
    const all = await Promise.all(Array.from({ length: 50 }, () => bascule.server.reload()))
    t.ok(all.every(Boolean))
  }
  t.ok(bascule.server.generation <= 9, 'reloads that wait for the same files are one')
  const statuses = await traffic.end()
  t.same(new Set(statuses), new Set([200]))
  await bascule.stop()
  t.equal(shared.opened?.length, bascule.server.generation)
  t.ok(shared.opened?.every(({ closed }) => closed === 1))
  t.ok(process.getActiveResourcesInfo().length <= before)
})

t.test('a request ends in the configuration it began in', async (t) => {
  const { bascule, upstream, release, holds } = await start(t)
  const client = rawClient(t, bascule.url)
  client.send(get('/open/hold'))
  await holds(1)
  bascule.write({ 'routes.yaml': routes(upstream).replace('/open/*', '/other/*') })
  t.equal(await bascule.server.reload(), true)
  t.equal((await fetch(`${bascule.url}/open/x`)).status, 404)
  t.equal((await fetch(`${bascule.url}/other/x`)).status, 200)
  t.equal(shared.opened?.[0]?.closed, 0)
  release()
  t.match(await client.answers(1), [{ status: 200, body: 'first last' }])
  while (shared.opened?.[0]?.closed === 0) await new Promise(setImmediate)
})

t.test('a request that outlives its configuration too long is cut, and never looks whole', async (t) => {
  const { bascule, holds } = await start(t, { drain: '100ms' })
  const client = rawClient(t, bascule.url)
  client.send(get('/open/hold', 'X-Correlation-ID: cut\r\n'))
  await holds(1)
  await client.until((text) => text.includes('first'))
  await bascule.server.reload()
  t.equal(await client.ended, 'reset')
  t.match(await bascule.line((l) => l.correlation_id === 'cut'), { outcome: 'failed', code: 'DRAINING', status: 200 })
})

t.test('a set-up that fails changes nothing, and closes what it made', async (t) => {
  const { bascule } = await start(t)
  shared.settingUp = () => Promise.reject(new Error('the store is away'))
  t.equal(await bascule.server.reload(), false)
  t.match(await bascule.line((l) => l.msg === 'config_rejected'), { generation: 1, errors: [/the store is away/] })
  t.match(shared.opened, [{ closed: 0 }, { closed: 1 }])
  t.equal((await fetch(`${bascule.url}/open/x`)).status, 200)
})

t.test('files that change are read; a bad one is told once and changes nothing', async (t) => {
  const { bascule, upstream } = await start(t, { watch: true })
  const file = join(bascule.dir, 'routes.yaml')
  const told = (msg: string, from: number) => bascule.line((l) => l.msg === msg, from)
  let from = bascule.lines.length

  writeFileSync(`${file}.new`, routes(upstream).replace('/open/*', '/renamed/*'))
  renameSync(`${file}.new`, file)
  await told('config_reloaded', from)
  t.equal((await fetch(`${bascule.url}/renamed/x`)).status, 200)

  from = bascule.lines.length
  writeFileSync(file, 'routes: [{ id: half-wri')
  t.match(await told('config_rejected', from), { errors: [/routes\.yaml:1:\d+ error/], generation: 2 })
  t.equal((await fetch(`${bascule.url}/renamed/x`)).status, 200)

  from = bascule.lines.length
  rmSync(bascule.dir, { recursive: true })
  await told('config_rejected', from)
  t.equal((await fetch(`${bascule.url}/renamed/x`)).status, 200)

  from = bascule.lines.length
  mkdirSync(bascule.dir)
  bascule.write({
    'settings.yaml': settings(),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': routes(upstream).replace('/open/*', '/again/*'),
  })
  await told('config_reloaded', from)
  t.equal((await fetch(`${bascule.url}/again/x`)).status, 200)
  t.equal(event(bascule, 'config_reloaded').length, 2)
  t.equal(event(bascule, 'config_rejected').length, 2)
})

t.test('a stop waits for answers under way, and keeps no connection', async (t) => {
  const { bascule, release, holds } = await start(t)
  const streaming = rawClient(t, bascule.url)
  streaming.send(get('/open/hold'))
  await holds(1)
  await streaming.until((text) => text.includes('first'))
  const idle = rawClient(t, bascule.url)
  idle.send(get('/open/x'))
  await idle.answers(1)
  const silent = rawClient(t, bascule.url)
  await new Promise((resolve) => silent.socket.on('connect', resolve))
  await fetch(`${bascule.url}/open/x`)

  const stopped = bascule.stop()
  t.equal(await idle.ended, 'fin')
  t.match(await (await fetch(`${bascule.adminUrl}/readyz`)).json(), { status: 503, code: 'DRAINING' })
  await t.rejects(fetch(`${bascule.url}/open/x`))
  silent.send(get('/open/x'))
  t.match(await silent.answers(1), [{ status: 200, headers: new Map([['connection', 'close']]) }])
  streaming.send(get('/open/x'))
  release()
  t.match((await streaming.answers(1))[0], { status: 200, body: 'first last' })
  await stopped
  await streaming.ended
  t.match(shared.opened, [{ closed: 1 }])
})

t.test('a stop ends the answers of older configurations as well', async (t) => {
  const { bascule, holds } = await start(t, { drain: '200ms' })
  const client = rawClient(t, bascule.url)
  client.send(get('/open/hold'))
  await holds(1)
  await client.until((text) => text.includes('first'))
  await bascule.server.reload()
  await bascule.stop()
  t.equal(await client.ended, 'reset')
  t.match(shared.opened, [{ closed: 1 }, { closed: 1 }])
})

t.test('a stop in the middle of a reload closes both configurations', async (t) => {
  const { bascule } = await start(t)
  let goOn = () => {}
  const begun = new Promise<void>((resolve) => {
    shared.settingUp = () => {
      resolve()
      return new Promise((done) => (goOn = done))
    }
  })
  const reloaded = bascule.server.reload()
  await begun
  const stopped = bascule.stop()
  goOn()
  t.equal(await reloaded, false)
  await stopped
  t.match(shared.opened, [{ closed: 1 }, { closed: 1 }])
  t.equal(await bascule.server.reload(), false)
})

t.test('a reload that hangs does not keep the process from stopping', async (t) => {
  const { bascule } = await start(t, { drain: '100ms' })
  const begun = new Promise<void>((resolve) => {
    shared.settingUp = () => {
      resolve()
      return new Promise(() => {})
    }
  })
  void bascule.server.reload()
  await begun
  await bascule.stop()
  t.equal(shared.opened?.[0]?.closed, 1)
})
