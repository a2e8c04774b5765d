// The stages beside the six in profiles of their own, over sockets.
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { startBascule } from '../kit/bascule.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { rawClient } from '../kit/raw-client.ts'
import { startUpstream } from '../kit/upstream.ts'

/** A bridge with open routes, and the stages to try among its own. */
async function start(t: Test, { insert, route = '', more = '' }: Setting) {
  const upstream = await startUpstream(t, (req, res) => {
    req.on('error', () => {})
    req.resume().on('end', () => res.setHeader('Server', 'secret/1.0').end(JSON.stringify(req.rawHeaders)))
  })
  const bascule = await startBascule(t, {
    'settings.yaml': settings(`profile: tried\n${more}`),
    'profiles/audience-bridge.yaml': profile(),
    'profiles/tried.yaml': `extends: audience-bridge\ninsert:\n  - ${insert}\n`,
    'routes.yaml': `
services: { api: { base_url: "${upstream.url}" } }
routes:
  - { id: one, path: "/one/*", target_service: api, preserve_path: true, auth: none }
  - { id: two, path: "/two/*", target_service: api, preserve_path: true, auth: none${route === '' ? '' : `, stages: ${route}`} }
`,
  })
  return { upstream, bascule, url: bascule.url }
}

interface Setting {
  readonly insert: string
  /** Of the route `two`, under `stages`. */
  readonly route?: string
  readonly more?: string
}

t.test('a chunked body is broken off at the first byte too many: 413 here, a torn request there', async (t) => {
  const { upstream, bascule, url } = await start(t, {
    insert: '{ use: request-limits, with: { max_body: 64KiB }, after: session-auth }',
    route: '{ request-limits: { max_body: null } }',
  })
  const arrived = once(upstream.server, 'request') as Promise<[IncomingMessage]>
  const client = rawClient(t, url)
  const chunk = (size: number) => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`
  client.send(`POST /one/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(60_000)}`)
  const [seen] = await arrived
  const torn = new Promise((resolve) => seen.once('close', resolve))
  client.send(chunk(6_000))
  const [answer] = await client.answers(1)
  t.match([answer!.status, JSON.parse(answer!.body)], [413, { code: 'BODY_TOO_LARGE', route: 'one' }])
  await torn
  t.equal(seen.complete, false, 'the service never sees an end')
  t.match(await bascule.line(({ route }) => route === 'one'), { status: 413, outcome: 'rejected' })

  const said = await fetch(`${url}/one/x`, { method: 'POST', body: 'x'.repeat(70_000) })
  t.equal(said.status, 413)
  t.equal((await fetch(`${url}/one/x`, { method: 'POST', body: 'x'.repeat(65_536) })).status, 200)
  t.equal((await fetch(`${url}/two/x`, { method: 'POST', body: 'x'.repeat(70_000) })).status, 200, 'a route of its own')
})

t.test('a maintenance notice for everybody, and for one route', async (t) => {
  const all = await start(t, { insert: '{ use: respond, with: { status: 503, retry_after: 60 }, after: route-match }' })
  const closed = await fetch(`${all.url}/one/x`)
  t.match([closed.status, closed.headers.get('retry-after'), await closed.json()], [503, '60', { code: 'MAINTENANCE' }])
  t.equal((await fetch(`${all.url}/auth/session`)).status, 200)
  t.same(all.upstream.requests, [])
  const one = await start(t, {
    insert: '{ use: respond, after: route-match }',
    route: '{ respond: { status: 200, json: { v: 2 } } }',
  })
  t.equal((await fetch(`${one.url}/one/x`)).status, 200)
  t.same(await (await fetch(`${one.url}/two/x`)).json(), { v: 2 })
  t.equal(one.upstream.requests.length, 1)
})

t.test('browsers are told on every answer, errors of the host included', async (t) => {
  const { url } = await start(t, {
    insert: '{ use: security-headers, after: route-match }',
    route: `{ security-headers: { frame_ancestors: "'none'" } }`,
  })
  for (const [path, status] of [
    ['/one/x', 200],
    ['/nowhere', 404],
    ['/one/%zz', 400],
    ['/auth/session', 200],
  ] as const) {
    const answer = await fetch(url + path)
    t.equal(answer.status, status)
    t.equal(answer.headers.get('x-frame-options'), 'SAMEORIGIN', path)
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  }
  t.equal((await fetch(`${url}/two/x`)).headers.get('x-frame-options'), 'DENY')
})

t.test('a client that comes too often waits, whichever session it claims, and a reload forgives nobody', async (t) => {
  const { upstream, bascule, url } = await start(t, {
    insert:
      '{ use: rate-limit, with: { limits: [{ by: session, points: 3, duration: 1h }], endpoints: [auth-session] }, after: session-auth }',
    route: '{ rate-limit: { limits: [{ by: address, points: 1, duration: 1h }] } }',
  })
  const ask = (path: string, i = 0) =>
    fetch(url + path, { headers: { cookie: `bff_session=${i}`, 'x-forwarded-for': `192.0.2.${i}` } })
  const statuses: number[] = []
  for (const [i, path] of ['/one/a', '/auth/session', '/one/b', '/one/c'].entries())
    statuses.push((await ask(path, i)).status)
  t.same(statuses, [200, 200, 200, 429])
  const refused = await ask('/auth/session')
  t.match([refused.status, await refused.json()], [429, { code: 'RATE_LIMITED', reason: 'session' }])
  t.match(refused.headers.get('retry-after'), /^\d{4}$/)
  const own = await ask('/two/x')
  t.match([own.status, own.headers.get('ratelimit')], [200, /^"address-3600s";r=0;t=\d+$/])
  await bascule.reload()
  t.match([(await ask('/one/d')).status, (await ask('/two/x')).status], [429, 429])
  t.equal(upstream.requests.length, 3)
})

t.test('headers of a request and of its answer are rewritten', async (t) => {
  const { url } = await start(t, {
    insert:
      '{ use: rewrite-headers, with: { request: { set: { X-Tenant: red } }, response: { remove: [Server] } }, after: header-inject }',
    route: '{ rewrite-headers: { request: { set: { X-Route: "{route}" } } } }',
  })
  const one = await fetch(`${url}/one/x`, { headers: { 'x-tenant': 'evil', x_tenant: 'evil' } })
  t.equal(one.headers.get('server'), null)
  const text = await one.text()
  t.match(text, '"X-Tenant","red"')
  t.notMatch(text, 'evil')
  const two = await (await fetch(`${url}/two/x`)).text()
  t.match(two, '"X-Route","two"')
  t.notMatch(two, 'X-Tenant')
})
