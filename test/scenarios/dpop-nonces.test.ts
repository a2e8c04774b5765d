// Services that demand a nonce in the proof of a request (RFC 9449 section 9), behind the whole bridge.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { startBridge } from '../kit/bridge.ts'
import { judgeProof, type Proof } from '../kit/dpop-service.ts'
import { loginByFetch } from '../kit/login.ts'
import { analyticsAudience, crudAudience } from '../kit/strict-idp.ts'
import { startUpstream } from '../kit/upstream.ts'
import { openSocket } from '../kit/websocket.ts'

/** What a service does with the nonces of the proofs it gets. */
interface Demands {
  /** What the next proof must have; null: none is demanded. */
  wanted: string | null
  /** Given with good answers, and wanted from then on. */
  next: string | undefined
  /** Instead of the one that is wanted. */
  told: string | undefined
  /** What it saw, refused or not. */
  readonly proofs: Proof[]
  readonly wrong: string[]
}

const demands = (): Demands => ({ wanted: null, next: undefined, told: undefined, proofs: [], wrong: [] })

type Verdict = { readonly status: 200 | 401; readonly headers: Record<string, string> }

async function judged(
  d: Demands,
  asked: { method?: string | undefined; url?: string | undefined; headers: IncomingHttpHeaders },
  origin: string,
  audience: string,
): Promise<Verdict> {
  try {
    const proof = await judgeProof(asked, origin, audience)
    d.proofs.push(proof)
    if (d.wanted !== null && proof.nonce !== d.wanted) {
      const challenge =
        'Bearer error="x", DPoP error="use_dpop_nonce", error_description="a nonce is needed", algs="ES256"'
      return { status: 401, headers: { 'www-authenticate': challenge, 'dpop-nonce': d.told ?? d.wanted } }
    }
  } catch (error) {
    d.wrong.push(String(error))
    return { status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_dpop_proof"' } }
  }
  if (d.next === undefined) return { status: 200, headers: {} }
  d.wanted = d.next
  return { status: 200, headers: { 'dpop-nonce': d.next } }
}

/** Breaks the connection instead of its next answer. */
interface Breaks {
  next: boolean
}

async function service(t: Test, d: Demands, breaks: Breaks = { next: false }) {
  const handler = async (req: IncomingMessage, res: ServerResponse) => {
    const { status, headers } = await judged(d, req, upstream.url, analyticsAudience)
    if (breaks.next) {
      breaks.next = false
      return void req.socket.destroy()
    }
    let body = ''
    for await (const chunk of req.setEncoding('utf8')) body += chunk
    res.writeHead(status, headers).end(status === 200 ? `proven ${body}` : 'not so')
  }
  const upstream = await startUpstream(t, handler, { keep: false })
  const sockets = new WebSocketServer({ noServer: true })
  upstream.server.on('upgrade', async (req, socket, head) => {
    const { status, headers } = await judged(d, req, upstream.url, analyticsAudience)
    if (status === 200) return sockets.handleUpgrade(req, socket, head, (ws) => ws.on('message', (m) => ws.send(m)))
    const fields = Object.entries(headers).map((field) => `${field.join(': ')}\r\n`)
    socket.end(`HTTP/1.1 401 Unauthorized\r\n${fields.join('')}Content-Length: 0\r\n\r\n`)
  })
  t.teardown(() => sockets.close())
  return { ...upstream, breaks }
}

async function http2Service(t: Test, d: Demands): Promise<string> {
  const server = http2.createServer()
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {})
    const asked = { method: headers[':method'], url: headers[':path'], headers: headers as IncomingHttpHeaders }
    const { status, headers: said } = await judged(d, asked, url, crudAudience)
    stream.respond({ ':status': status, ...said })
    stream.end(status === 200 ? 'proven' : 'not so')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return url
}

async function stand(t: Test) {
  const [one, other, multiplexed] = [demands(), demands(), demands()]
  const first = await service(t, one)
  const second = await service(t, other)
  const h2 = await http2Service(t, multiplexed)
  const bridge = await startBridge(t, {
    auth: '  dpop: true',
    accessTokenTtl: 600,
    files: () => ({
      'routes.yaml': `
services:
  analytics_service: { base_url: "${first.url}" }
  crud_service: { base_url: "${h2}", http2: true }
  both: { base_urls: ["${first.url}", "${second.url}"] }
routes:
  - { id: one, path: "/one/*", target_service: analytics_service, upstream_path: "/{path}", auth: session, websocket: true }
  - { id: h2, path: "/h2/*", target_service: crud_service, upstream_path: "/{path}", auth: session }
  - { id: both, path: "/both/*", target_service: both, upstream_path: "/{path}", auth: session }
`,
    }),
    audiences: `, both: "${analyticsAudience}"`,
  })
  const ada = await loginByFetch(bridge.origin)
  await bridge.bascule.line(({ msg }) => msg.startsWith('bff_service_tokens_mapped'))
  return { bridge, ada, first, second, one, other, multiplexed }
}

t.test('a service that demands nonces', async (t) => {
  const { bridge, ada, first, one, other, multiplexed } = await stand(t)
  const { origin } = bridge
  const calm = (d: Demands) => Object.assign(d, demands())
  const call = async (path: string, init?: RequestInit) => {
    const answer = await ada.fetch(path, init)
    t.equal(answer.headers.get('dpop-nonce'), null, 'a nonce is nothing for a browser')
    t.notMatch(answer.headers.get('www-authenticate') ?? '', /dpop|bearer/i)
    return { status: answer.status, text: await answer.text(), challenge: answer.headers.get('www-authenticate') }
  }

  await t.test('is sent the request once more, with the nonce that it gave', async (t) => {
    const minted = bridge.idp.counts.refresh
    Object.assign(calm(one), { wanted: 'n-1' })
    t.match(await call('/one/x?q=1'), { status: 200, text: 'proven ' })
    t.same(
      one.proofs.map(({ nonce }) => nonce),
      [undefined, 'n-1'],
    )
    t.equal(new Set(one.proofs.map(({ jti }) => jti)).size, 2, 'by a new proof')
    t.same(one.wrong, [])
    t.equal(bridge.idp.counts.refresh, minted, 'its token is as good as before')
    t.notOk(bridge.bascule.lines.some(({ msg }) => msg.startsWith('upstream_refused_token')))
    t.equal((await call('/one/x')).status, 200)
    t.equal(one.proofs.length, 3, 'it is remembered')
  })

  await t.test('may give the next one with any answer', async (t) => {
    Object.assign(calm(one), { wanted: 'n-1', next: 'n-2' })
    t.equal((await call('/one/x')).status, 200)
    one.next = 'n-3'
    t.equal((await call('/one/x')).status, 200)
    one.next = undefined
    t.equal((await call('/one/x')).status, 200)
    t.same(
      one.proofs.map(({ nonce }) => nonce),
      ['n-1', 'n-2', 'n-3'],
    )
  })

  await t.test('gets a HEAD and a POST without a body again, too', async (t) => {
    Object.assign(calm(one), { wanted: 'head' })
    t.equal((await call('/one/x', { method: 'HEAD' })).status, 200)
    one.wanted = 'post'
    t.equal((await call('/one/x', { method: 'POST', headers: { origin } })).status, 200)
    t.equal(one.proofs.length, 4)
  })

  await t.test('gets no body twice that streams; the next request fits', async (t) => {
    Object.assign(calm(one), { wanted: 'body' })
    const post = () => call('/one/x', { method: 'POST', headers: { origin }, body: 'order' })
    t.same(await post(), { status: 401, text: 'not so', challenge: 'Session' })
    t.match(await post(), { status: 200, text: 'proven order' })
    t.equal(one.proofs.length, 2)
  })

  await t.test('and is never content is asked twice, and answers the client', async (t) => {
    const minted = bridge.idp.counts.refresh
    Object.assign(calm(one), { wanted: 'never', told: 'other' })
    t.same(await call('/one/x'), { status: 401, text: 'not so', challenge: 'Session' })
    t.equal(one.proofs.length, 2)
    t.equal(bridge.idp.counts.refresh, minted)
  })

  await t.test('with what is no nonce is not believed', async (t) => {
    for (const told of ['two, of them', 'quo"te', 'x'.repeat(600), '']) {
      Object.assign(calm(one), { wanted: 'never', told })
      t.equal((await call('/one/x')).status, 401, told)
      t.ok(one.proofs.every(({ nonce }) => nonce !== told))
    }
  })

  await t.test('does so at a WebSocket handshake, too', async (t) => {
    Object.assign(calm(one), { wanted: 'socket' })
    const { socket, message } = await openSocket(t, `${origin}/one/live`, { headers: { cookie: ada.cookie }, origin })
    socket.send('hello')
    t.equal(await message(), 'hello')
    t.same(one.proofs.map(({ nonce }) => nonce).slice(-1), ['socket'])
    t.same(one.wrong, [])
  })

  await t.test('over HTTP/2 as well', async (t) => {
    Object.assign(multiplexed, { wanted: 'h2' })
    t.match(await call('/h2/x?a=1'), { status: 200, text: 'proven' })
    t.same(
      multiplexed.proofs.map(({ nonce }) => nonce),
      [undefined, 'h2'],
    )
    t.same(multiplexed.wrong, [])
  })

  await t.test("a client's own proof goes nowhere: beside ours it would make two", async (t) => {
    calm(one)
    t.equal((await call('/one/x', { headers: { dpop: 'eyJ.a.b' } })).status, 200)
    t.same(one.wrong, [])
  })

  await t.test(
    'of two upstreams each has nonces of its own, and a proof is made for the one that gets it',
    async (t) => {
      Object.assign(calm(one), { wanted: 'of-one' })
      Object.assign(calm(other), { wanted: 'of-other' })
      for (let i = 0; i < 4; i++) t.equal((await call('/both/x')).status, 200)
      t.same([one.wrong, other.wrong], [[], []])
      t.equal(one.proofs.length + other.proofs.length, 6, 'four requests, and each upstream refused one of them')
      first.breaks.next = true
      for (let i = 0; i < 2; i++) t.equal((await call('/both/x')).status, 200)
      t.notOk(first.breaks.next, 'one of them was broken off')
      t.same([one.wrong, other.wrong], [[], []])
      const all = [...one.proofs, ...other.proofs]
      t.equal(new Set(all.map(({ jti }) => jti)).size, all.length)
    },
  )
})
