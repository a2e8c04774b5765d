import { once } from 'node:events'
import http from 'node:http'
import t from 'tap'
import { defineStage, type Outcome } from '../../../core/index.ts'
import { startBascule as start } from '../../../core/testing/index.ts'
import { Trace, TraceHub, type TraceRecord } from '../../../core/trace/trace.ts'
import { startBascule } from '../../kit/bascule.ts'
import { profile, settings } from '../../kit/default-profile.ts'
import { startUpstream } from '../../kit/upstream.ts'

const outcome: Outcome = {
  result: 'completed',
  status: 200,
  stage: 'forward',
  code: 'OK',
  reason: undefined,
  fault: undefined,
  ms: 1,
  bytesIn: 0,
  bytesOut: 0,
}

t.test('nobody watches: no trace is built', async (t) => {
  const hub = new TraceHub()
  t.equal(hub.begin(), undefined)
  const stop = hub.subscribe(() => {})
  t.ok(hub.begin() instanceof Trace)
  stop()
  t.equal(hub.begin(), undefined)
})

t.test('a slot shows what its own toJSON says, and otherwise only that it is there', async (t) => {
  const hub = new TraceHub()
  const told: TraceRecord[] = []
  hub.subscribe((record) => told.push(record))
  const trace = hub.begin()
  trace?.enter()
  const values = { token: { secret: 'eyJ', toJSON: () => 'a1b2' }, 'acme/key': 'a secret', raw: { password: 'x' } }
  trace?.said('stage', { kind: 'proceed', values: values as never })
  trace?.end({ id: 'i', method: 'GET', path: '/' }, undefined, undefined, outcome)
  t.same(told[0]?.stages[0]?.gave, { token: 'a1b2', 'acme/key': true, raw: true })
  t.notMatch(JSON.stringify(told), /eyJ|a secret|password/)
})

t.test('the admin listener streams them, by route, and a reader that stops loses records, not requests', async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end('ok'))
  const bascule = await startBascule(t, {
    'settings.yaml': settings('server: { limits: { path: 16KiB } }'),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${upstream.url}" } }
routes:
  - { id: one, path: "/one/*", target_service: api, preserve_path: true, auth: none }
  - { id: two, path: "/two", target_service: api, preserve_path: true, auth: none }
`,
  })
  const open = (query: string) =>
    new Promise<http.IncomingMessage>((resolve) => {
      const request = http.get(`${bascule.adminUrl}/traces${query}`, { agent: false }, resolve)
      request.on('error', () => {})
      t.teardown(() => request.destroy())
    })
  const two = await open('?route=two')
  const stuck = await open('')
  stuck.on('error', () => {}).pause()
  let text = ''
  const seen = new Promise<void>((resolve) => {
    two
      .setEncoding('utf8')
      .on('error', () => {})
      .on('data', (piece: string) => {
        text += piece
        if (text.includes('"route":"two"')) resolve()
      })
  })
  const long = `/one/${'x'.repeat(15_000)}`
  const statuses = new Set<number>()
  for (let i = 0; i < 50; i++) {
    // More than the kernel's buffers hold.
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(bascule.url + long)))
    for (const { status } of answers) statuses.add(status)
  }
  t.same([...statuses], [200])
  await fetch(`${bascule.url}/two`)
  await seen
  t.notMatch(text, /"route":"one"/, 'only the route asked for')
  const record = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '{}') as TraceRecord
  t.match(record, { method: 'GET', path: '/two', service: 'api', status: 200, outcome: 'completed' })
  t.same(
    record.stages.map((s) => s.name),
    ['route-match', 'header-inject', 'forward'],
  )
  let late = ''
  stuck.setEncoding('utf8').on('data', (piece: string) => {
    late += piece
  })
  stuck.resume()
  await fetch(`${bascule.url}/two`)
  while (!late.includes('event: lost')) {
    await fetch(`${bascule.url}/two`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.match(late, /event: lost\ndata: [1-9]/, 'and it is told how many it lost')
})

t.test('a page under a rebound name reads nothing from the admin listener', async (t) => {
  const bascule = await startBascule(t, { 'settings.yaml': settings(), 'routes.yaml': 'services: {}\nroutes: []\n' })
  const { port } = new URL(bascule.adminUrl)
  const status = await new Promise((resolve) => {
    http.get({ host: '127.0.0.1', port, path: '/traces', headers: { host: 'evil.example' }, agent: false }, (res) => {
      res.resume()
      resolve(res.statusCode)
    })
  })
  t.equal(status, 403)
})

t.test('problem and trace name the service that a stage chose among those of the route', async (t) => {
  const chooser = defineStage({
    name: 'chooser',
    provides: ['service'],
    setup: () => () => ({ run: (x) => x.proceed({ service: x.path.slice(1) }) }),
  })
  const away = defineStage({
    name: 'away',
    role: 'terminal',
    setup: () => () => ({ run: (x) => x.reply(502, 'UPSTREAM_UNREACHABLE') }),
  })
  const bascule = await start({
    files: {
      'settings.yaml': 'profile: p\n',
      'profiles/p.yaml': 'stages: [route-match, ./chooser.js, ./away.js]\n',
      'routes.yaml':
        'services: { one: { base_url: "http://127.0.0.1:9" }, two: { base_url: "http://127.0.0.1:9" }, three: { base_url: "http://127.0.0.1:9" } }\n' +
        'routes: [{ id: r, path: "/*", target_service: one, other_services: [two], preserve_path: true, auth: none }]\n',
      'chooser.js': chooser,
      'away.js': away,
    },
  })
  t.teardown(() => bascule.stop())
  const request = http.get(`${bascule.adminUrl}/traces`, { agent: false })
  t.teardown(() => request.destroy())
  const [stream] = (await once(request, 'response')) as [http.IncomingMessage]
  let seen = ''
  stream.setEncoding('utf8').on('data', (piece: string) => {
    seen += piece
  })
  stream.on('error', () => {})
  while (!seen.includes('watching')) await once(stream, 'data')
  for (const [chosen, named] of [
    ['one', 'one'],
    ['two', 'two'],
    ['three', 'one'],
  ]) {
    t.match(await (await fetch(`${bascule.url}/${chosen}`)).json(), { route: 'r', service: named })
    while (!seen.includes(`"path":"/${chosen}"`)) await once(stream, 'data')
    t.match(seen, `"path":"/${chosen}","route":"r","service":"${named}"`)
  }
})
