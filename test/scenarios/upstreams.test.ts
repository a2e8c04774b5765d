// Several upstreams of a service, services that fail or hang, and what the others notice of it.
import type http from 'node:http'
import type { RequestListener } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startBascule } from '../kit/bascule.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { freePort } from '../kit/free-port.ts'
import { rawUpstream } from '../kit/raw-upstream.ts'
import { tornAnswers } from '../kit/torn-answers.ts'
import { startUpstream } from '../kit/upstream.ts'

async function bridge(t: Test, services: Readonly<Record<string, object>>, more = '') {
  const names = Object.keys(services)
  const routes = names.map(
    (name) => `  - { id: ${name}, path: "/${name}/*", target_service: ${name}, upstream_path: "/{path}", auth: none }`,
  )
  return startBascule(t, {
    'settings.yaml': settings(more),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `services: ${JSON.stringify(services)}\nroutes:\n${routes.join('\n')}\n`,
  })
}

const named =
  (name: string): RequestListener =>
  (req, res) => {
    req.resume().on('end', () => res.end(`${name} ${req.headers.host} ${req.url}`))
  }

interface Answer {
  readonly status: number
  readonly text: string
  readonly retryAfter: string | null
}

async function call(url: string, init?: RequestInit): Promise<Answer> {
  const res = await fetch(url, init)
  return { status: res.status, text: await res.text(), retryAfter: res.headers.get('retry-after') }
}

function streamOf(text: string): ReadableStream {
  return new Blob([text]).stream()
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000 && !(await condition()); i++) await pause(10)
}

async function deadUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`
}

t.test('requests take turns between upstreams that differ in port and path, each under its own name', async (t) => {
  const a = await startUpstream(t, named('a'))
  const b = await startUpstream(t, named('b'))
  const bascule = await bridge(t, { api: { base_urls: [`${a.url}/one`, `${b.url}/two/three`] } })
  const texts: string[] = []
  for (let i = 0; i < 6; i++) texts.push((await call(`${bascule.url}/api/x?q=%2F`)).text)
  const expected = [`a ${a.url.slice(7)} /one/x?q=%2F`, `b ${b.url.slice(7)} /two/three/x?q=%2F`]
  t.same(texts, [...expected, ...expected, ...expected])
})

t.test('an upstream with requests under way gets fewer', async (t) => {
  const held: http.ServerResponse[] = []
  const slow = await startUpstream(t, (_req, res) => void held.push(res))
  const quick = await startUpstream(t, named('quick'))
  const bascule = await bridge(t, { api: { base_urls: [slow.url, quick.url] } })
  const first = call(`${bascule.url}/api/x`)
  await until(() => held.length === 1)
  for (let i = 0; i < 10; i++) t.match((await call(`${bascule.url}/api/x`)).text, /^quick/)
  held[0]!.end('slow')
  t.equal((await first).text, 'slow')
})

t.test('what was never sent goes to another upstream, uploads too, and the log says how often', async (t) => {
  const quick = await startUpstream(t, (req, res) => req.pipe(res))
  const bascule = await bridge(t, { api: { base_urls: [await deadUrl(), quick.url], outlier_detection: false } })
  for (let i = 0; i < 4; i++) {
    const init = { method: 'POST', body: streamOf('upload'), duplex: 'half' } as RequestInit
    t.match(await call(`${bascule.url}/api/x`, init), { status: 200, text: 'upload' })
  }
  t.equal(quick.requests.length, 4)
  const line = await bascule.line((found) => found.upstream_attempts !== undefined)
  t.match(line, { upstream_attempts: 2, status: 200 })
})

t.test('a request that may have been done is sent again only where it may be done twice', async (t) => {
  const breaks = await rawUpstream((text, socket) => {
    if (text.includes('\r\n\r\n')) socket.destroy()
  })
  t.teardown(() => breaks.close())
  const fine = await startUpstream(t, named('fine'))
  const bascule = await bridge(t, { api: { base_urls: [breaks.url, fine.url], outlier_detection: false } })
  const statuses = async (init: RequestInit) => {
    const seen: number[] = []
    for (let i = 0; i < 2; i++) seen.push((await call(`${bascule.url}/api/x`, init)).status)
    return seen.sort()
  }
  for (const method of ['GET', 'PUT', 'DELETE']) t.same(await statuses({ method }), [200, 200], method)
  t.same(await statuses({ method: 'POST' }), [200, 502])
  const streamed = { method: 'PUT', body: streamOf('a'), duplex: 'half' } as RequestInit
  const again = { ...streamed, body: streamOf('b') }
  const both = [await call(`${bascule.url}/api/x`, streamed), await call(`${bascule.url}/api/x`, again)]
  t.same(both.map(({ status }) => status).sort(), [200, 502], 'an upload that was begun')
})

t.test('retries: 0 sends nothing twice', async (t) => {
  const fine = await startUpstream(t, named('fine'))
  const service = { base_urls: [await deadUrl(), fine.url], retries: 0, outlier_detection: false }
  const bascule = await bridge(t, { api: service })
  const statuses = [(await call(`${bascule.url}/api/x`)).status, (await call(`${bascule.url}/api/x`)).status]
  t.same(statuses.sort(), [200, 502])
})

t.test('an upstream that fails in a row is left out, comes back, and a reload forgets nothing', async (t) => {
  let failing = true
  const flaky = await startUpstream(t, (_req, res) => res.writeHead(failing ? 503 : 200).end('flaky'))
  const fine = await startUpstream(t, named('fine'))
  const outlier_detection = { consecutive_failures: 2, ejection_time: '1500ms' }
  const bascule = await bridge(t, { api: { base_urls: [flaky.url, fine.url], outlier_detection } })
  for (let i = 0; i < 4; i++) await call(`${bascule.url}/api/x`)
  t.match(await bascule.line((l) => l.msg === 'upstream_ejected service=api'), { upstream: 0, url: flaky.url })
  await bascule.reload({ 'settings.yaml': settings('log: { level: debug }') })
  const asked = flaky.requests.length
  for (let i = 0; i < 6; i++) t.equal((await call(`${bascule.url}/api/x`)).status, 200)
  t.equal(flaky.requests.length, asked, 'not asked while it is out')
  failing = false
  await bascule.line((l) => l.msg === 'upstream_restored service=api')
  for (let i = 0; i < 2; i++) t.equal((await call(`${bascule.url}/api/x`)).status, 200)
  t.equal(flaky.requests.length, asked + 1, 'asked again')
  t.equal(bascule.lines.filter((l) => l.msg === 'upstream_ejected service=api').length, 1, 'said once')
  t.match(await bascule.line((l) => l.msg === 'upstream_chosen service=api'), { attempt: 1 })
})

t.test('the last upstream is never left out', async (t) => {
  const bad = await startUpstream(t, (_req, res) => res.writeHead(503).end('bad'))
  const base_urls = [`${bad.url}/a`, `${bad.url}/b`]
  const outlier_detection = { consecutive_failures: 1, max_ejection_percent: 100 }
  const bascule = await bridge(t, { api: { base_urls, outlier_detection } })
  for (let i = 0; i < 6; i++) t.match(await call(`${bascule.url}/api/x`), { status: 503, text: 'bad' })
  t.equal(bascule.lines.filter(({ msg }) => msg.startsWith('upstream_ejected')).length, 1)
})

t.test('an upstream that fails its health check gets no requests until it passes', async (t) => {
  let well = false
  const sick = await startUpstream(t, (req, res) => {
    res.writeHead(req.url === '/healthz' && !well ? 500 : 200).end('sick')
  })
  const fine = await startUpstream(t, named('fine'))
  const health_check = { path: '/healthz', interval: '50ms', unhealthy_threshold: 2 }
  const bascule = await bridge(t, { api: { base_urls: [`${sick.url}/v1`, fine.url], health_check } })
  await bascule.line((l) => l.msg === 'upstream_unhealthy service=api')
  for (let i = 0; i < 4; i++) t.match((await call(`${bascule.url}/api/x`)).text, /^fine/)
  const check = sick.requests.find(({ url }) => url === '/healthz')
  t.equal(check?.headers.authorization, undefined)
  well = true
  await bascule.line((l) => l.msg === 'upstream_healthy service=api')
  const texts = [(await call(`${bascule.url}/api/x`)).text, (await call(`${bascule.url}/api/x`)).text]
  t.ok(texts.includes('sick'))
})

t.test('where all upstreams fail their health check, all are tried', async (t) => {
  const up = await startUpstream(t, (req, res) => res.writeHead(req.url === '/healthz' ? 404 : 200).end('ok'))
  const base_urls = [`${up.url}/a`, `${up.url}/b`]
  const health_check = { path: '/healthz', interval: '50ms', unhealthy_threshold: 1 }
  const bascule = await bridge(t, { api: { base_urls, health_check } })
  await until(() => bascule.lines.filter(({ msg }) => msg.startsWith('upstream_unhealthy')).length === 2)
  t.equal((await call(`${bascule.url}/api/x`)).status, 200)
})

t.test('a circuit opens when too much fails, answers at once, and closes when a request succeeds', async (t) => {
  let failing = true
  const up = await startUpstream(t, (_req, res) => res.writeHead(failing ? 502 : 200).end('x'))
  const circuit_breaker = { failure_percent: 50, minimum_requests: 4, open_time: '1s' }
  const bascule = await bridge(t, { api: { base_url: up.url, circuit_breaker } })
  for (let i = 0; i < 4; i++) await call(`${bascule.url}/api/x`)
  t.match(await call(`${bascule.url}/api/x`), { status: 503, retryAfter: '1', text: /"circuit_open"/ })
  t.equal(up.requests.length, 4)
  failing = false
  await until(async () => (await call(`${bascule.url}/api/x`)).status === 200)
  t.equal(up.requests.length, 5, 'one found out')
  t.equal((await call(`${bascule.url}/api/x`)).status, 200)
  t.same(
    bascule.lines.filter(({ msg }) => msg.startsWith('circuit_')).map(({ msg }) => msg),
    ['circuit_opened service=api', 'circuit_closed service=api'],
  )
})

t.test('a service that hangs fills its places and no more: others are as quick as before', async (t) => {
  const hung = await rawUpstream(() => {})
  t.teardown(() => hung.close())
  const quick = await startUpstream(t, named('quick'))
  const services = {
    hung: { base_url: hung.url, timeout: '4s', max_in_flight: 16 },
    quick: { base_url: quick.url },
  }
  const bascule = await bridge(t, services)
  const waiting = Array.from({ length: 16 }, () => call(`${bascule.url}/hung/x`))
  await until(() => hung.sockets.length === 16)
  const refused = await Promise.all(Array.from({ length: 40 }, () => call(`${bascule.url}/hung/x`)))
  for (const answer of refused) t.match(answer, { status: 503, retryAfter: '1', text: /"max_in_flight"/ })
  const times: number[] = []
  for (let i = 0; i < 200; i++) {
    const began = performance.now()
    t.equal((await call(`${bascule.url}/quick/x`)).status, 200)
    times.push(performance.now() - began)
  }
  const p99 = times.sort((a, b) => a - b)[198]!
  t.ok(p99 < 3_000, `p99 ${p99.toFixed(1)} ms`)
  for (const { status } of await Promise.all(waiting)) t.equal(status, 504)
  t.equal(hung.sockets.length, 16)
})

t.test('an upstream that says nothing costs its timeout and hardly more', async (t) => {
  const silent = await rawUpstream(() => {})
  t.teardown(() => silent.close())
  const bascule = await bridge(t, {
    api: { base_url: silent.url, timeout: '1200ms' },
    handshake: { base_url: silent.url.replace('http', 'https'), timeout: '20s', connect_timeout: '300ms' },
  })
  const began = performance.now()
  t.match(await call(`${bascule.url}/api/x`), { status: 504, text: /UPSTREAM_TIMEOUT/ })
  const took = performance.now() - began
  t.ok(took >= 1_190 && took < 6_000, `${took} ms`)
  const connecting = performance.now()
  t.match(await call(`${bascule.url}/handshake/x`), { status: 504, text: /UPSTREAM_TIMEOUT/ })
  t.ok(performance.now() - connecting < 10_000)
})

t.test('a client that leaves takes its upstream connection with it', async (t) => {
  const silent = await rawUpstream(() => {})
  t.teardown(() => silent.close())
  const bascule = await bridge(t, { api: { base_url: silent.url, max_in_flight: 4 } })
  for (let round = 1; round <= 3; round++) {
    const leaving = new AbortController()
    const calls = Array.from({ length: 4 }, () =>
      fetch(`${bascule.url}/api/x`, { signal: leaving.signal }).catch(() => undefined),
    )
    await until(() => silent.sockets.length === 4 * round)
    leaving.abort()
    await Promise.all(calls)
    await until(() => silent.sockets.every(({ destroyed }) => destroyed))
    t.ok(silent.sockets.every(({ destroyed }) => destroyed))
  }
  t.equal(silent.sockets.length, 12, 'every place was free again')
})

t.test('no answer that was reset at some byte looks whole, and no connection is left behind', async (t) => {
  const torn = await tornAnswers()
  t.teardown(() => torn.close())
  const bascule = await bridge(t, { api: { base_url: torn.url, retries: 0 } })
  await torn.run(`${bascule.url}/api`, 200)
  t.same(torn.counts.lookedWhole, [])
  t.ok(torn.counts.seen.get('reset')! > 10, 'some were torn in the body')
  await until(() => torn.open() === 0)
  t.equal(torn.open(), 0)
})
