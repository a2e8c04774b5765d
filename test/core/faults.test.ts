// A stage that misbehaves harms its own request only, and is named.
import { setTimeout as passed } from 'node:timers/promises'
import t from 'tap'
import { limitedLog } from '../../core/log/limited-log.ts'
import { startBascule } from '../kit/bascule.ts'
import { settings } from '../kit/default-profile.ts'
import { startUpstream } from '../kit/upstream.ts'

const files = (upstream: string, odd: string, entry = './odd.ts') => ({
  'settings.yaml': settings(),
  'profiles/audience-bridge.yaml': `stages: [route-match, ${entry}, session-auth, token-resolve, header-inject, forward, log]\n`,
  'odd.ts': `export default ({ defineStage }) => defineStage({ name: 'odd', ${odd} })`,
  'routes.yaml': `
services: { api: { base_url: "${upstream}" } }
routes: [{ id: open, path: "/*", target_service: api, preserve_path: true, auth: none }]
`,
})

const answering = (t: Parameters<typeof startUpstream>[0]) => startUpstream(t, (_req, res) => res.end('fine'))

t.test('a stage that never settles is cut off by the time its profile gives it', async (t) => {
  const { url } = await answering(t)
  const never = `setup: () => () => ({ run: (x) => x.path === '/never' ? new Promise(() => {}) : x.proceed() })`
  const bascule = await startBascule(t, files(url, never, '{ use: ./odd.ts, timeout: 50ms }'))
  const [slow, other] = await Promise.all([fetch(`${bascule.url}/never`), fetch(`${bascule.url}/other`)])
  t.equal(slow.status, 500)
  t.equal(other.status, 200, 'others do not wait for it')
  t.match(await bascule.line((l) => l.msg === 'stage_failed'), {
    stage: './odd.ts',
    err: { message: /no verdict within 50 ms/ },
  })
})

t.test('a settled hook that throws is told of, and the next stages hear of the ending all the same', async (t) => {
  const { url } = await answering(t)
  const bascule = await startBascule(
    t,
    files(url, `setup: () => () => ({ run: (x) => x.proceed(), settled() { throw new Error('oops') } })`),
  )
  t.equal((await fetch(`${bascule.url}/`)).status, 200)
  t.match(await bascule.line((l) => l.msg === 'settled_hook_failed'), { stage: './odd.ts' })
  await bascule.line((l) => l.outcome === 'completed')
})

t.test('a plugin that floods the log loses its own lines only', async (t) => {
  const told: [object, string][] = []
  const keep = (fields: object, msg: string) => void told.push([fields, msg])
  let now = 0
  let counted = 0
  const log = limitedLog(
    { debug: keep, info: keep, warn: keep, error: keep, line: () => {} },
    'odd',
    () => counted++,
    () => now,
  )
  for (let i = 0; i < 15_000; i++) log.info({}, 'again')
  t.equal(told.length, 10_000)
  now = 1_000
  log.info({}, 'later')
  t.equal(counted, 5_000)
  t.match(told.at(-2), [{ plugin: 'odd', dropped: 5_000 }, /^log_flood/])
  t.match(told.at(-1), [{}, 'later'])
})

t.test('a response hook that throws is the one that is named, not the stage that answered', async (t) => {
  const { url } = await answering(t)
  const bascule = await startBascule(
    t,
    files(url, `setup: () => () => ({ run: (x) => x.proceed(), response() { throw new Error('oops') } })`),
  )
  t.equal((await fetch(`${bascule.url}/`)).status, 500)
  t.match(await bascule.line((l) => l.msg === 'stage_failed'), { stage: './odd.ts', err: { message: 'oops' } })
  t.match(await bascule.line((l) => l.msg === 'request'), { stage: './odd.ts', code: 'INTERNAL' })
})

t.test('a plugin that fails in setup is named, with the place where it is listed', async (t) => {
  const { url } = await answering(t)
  const listed = (why: string) => ({
    message: new RegExp(`^./odd.ts: setup failed${why} .listed at .*profiles/.*:1:23.$`),
  })
  const starting = (odd: string) => startBascule(t, files(url, odd))
  await t.rejects(starting(`setup() { throw new Error('no such table') }`), listed(': no such table'))
  await t.rejects(starting(`async setup() { throw new Error('no such table') }`), listed(': no such table'))
  const forRoute = `setup: () => () => { throw new Error('no such table') }`
  await t.rejects(starting(forRoute), listed(' for the route open: no such table'))
})

t.test('a plugin that fails in setup on reload changes nothing', async (t) => {
  const { url } = await answering(t)
  const odd = `setup(host) { if (host.server.drain_timeout === 1000) throw new Error('no such table'); return () => ({ run: (x) => x.proceed() }) }`
  const bascule = await startBascule(t, files(url, odd))
  bascule.write({ 'settings.yaml': settings('server: { drain_timeout: 1s }') })
  t.equal(await bascule.server.reload(), false)
  t.match(await bascule.line((l) => l.msg === 'config_rejected'), { errors: [/no such table/] })
  t.equal((await fetch(`${bascule.url}/`)).status, 200)
  t.equal(bascule.server.generation, 1)
})

t.test(
  'what a plugin leaves open is named, what it makes through host is not',
  { skip: 'Deno' in globalThis ? 'async_hooks sees nothing on Deno' : false },
  async (t) => {
    const { url } = await answering(t)
    const leaky = `setup() { (globalThis.leaks ??= []).push(setInterval(() => {}, 1000)); return () => ({ run: (x) => x.proceed() }) }`
    const bascule = await startBascule(t, files(url, leaky))
    t.ok(await bascule.server.reload())
    const line = await bascule.line((l) => l.msg.startsWith('plugin_left_open'))
    t.match(line, { plugin: './odd.ts', left_open: ['Timeout'] })
    await bascule.stop()
    for (const leak of (globalThis as { leaks?: ReturnType<typeof setInterval>[] }).leaks ?? []) clearInterval(leak)

    const tidy = `setup(host) { host.every(1000, () => {}); const own = setInterval(() => {}, 1000); host.onClose(() => clearInterval(own)); return () => ({ run: (x) => x.proceed() }) }`
    const good = await startBascule(t, files(url, tidy))
    t.ok(await good.server.reload())
    await good.stop()
    t.same(
      good.lines.filter((l) => l.msg.startsWith('plugin_left_open')),
      [],
    )
    await passed(0)
  },
)
