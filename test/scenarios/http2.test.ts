import { Buffer } from 'node:buffer'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { OutgoingHttpHeaders } from 'node:http2'
import { promisify } from 'node:util'
import t from 'tap'
import { type RunningBascule, startBascule, type TestLike } from '../kit/bascule.ts'
import { certFile } from '../kit/certs.ts'
import { answerOf, ask, field, http2Client } from '../kit/http2-client.ts'
import {
  block,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  HEADERS,
  type RawHttp2,
  RST_STREAM,
  rawHttp2,
  request,
  u32,
} from '../kit/http2-raw.ts'
import { tlsBridge } from '../kit/tls-bridge.ts'
import { startUpstream, type Upstream } from '../kit/upstream.ts'

const run = promisify(execFile)

/** Answers with what it got; some paths are special. */
function echo(t: TestLike): Promise<Upstream> {
  return startUpstream(t, (req, res) => {
    if (req.url === '/silent') return
    if (req.url === '/twice')
      return void res
        .writeHead(200, [
          'X-Content-Type-Options',
          'nosniff',
          'x-content-type-options',
          'nosniff',
          'Vary',
          'a',
          'Vary',
          'b',
          'Set-Cookie',
          'a=1',
          'Set-Cookie',
          'b=2',
        ])
        .end()
    if (req.url === '/large')
      return void res.writeHead(200, { 'content-length': '3000000' }).end(Buffer.alloc(3_000_000, 'x'))
    if (req.url === '/torn')
      return void res.writeHead(200, { 'content-length': '10' }).write('half', () => res.destroy())
    if (req.url === '/torn-chunked') return void res.write('half', () => res.destroy())
    if (req.url === '/trailers') {
      res.writeHead(200, { Trailer: 'x-sum' }).write('body')
      res.addTrailers({ 'X-Sum': '42' })
      return void res.end()
    }
    let length = 0
    req.on('data', (piece: Buffer) => {
      length += piece.length
    })
    req.on('end', () => res.end(JSON.stringify({ method: req.method, url: req.url, headers: req.rawHeaders, length })))
  })
}

async function stack(t: TestLike, more: Parameters<typeof tlsBridge>[1] = {}) {
  const upstream = await echo(t)
  return { upstream, bridge: await startBascule(t, tlsBridge(upstream.url, more)) }
}

t.test('what reaches the service is what HTTP/1 would bring', async (t) => {
  const { bridge } = await stack(t, { route: ', forward_cookies: [a, b]' })
  const session = await http2Client(t, bridge.url)
  const answer = await ask(session, { ':path': '/x?a=%2F&b', cookie: ['a=1', 'b=2'], 'x-two': ['1', '2'] })
  t.equal(answer.status, 200)
  t.ok(answer.whole)
  const { method, url, headers } = JSON.parse(answer.body) as { method: string; url: string; headers: string[] }
  t.equal(`${method} ${url}`, 'GET /x?a=%2F&b')
  t.equal(field(headers, 'Cookie'), 'a=1; b=2', 'crumbs are one line')
  t.equal(field(headers, 'X-Forwarded-Host'), 'localhost')
  t.equal(field(headers, 'Via'), '2.0 bascule', 'the version it was received in (RFC 9110 §7.6.3)')
  t.equal(headers.filter((name) => name === 'x-two').length, 2, 'repeats are kept')
  t.notOk(
    headers.some((name) => name.startsWith(':')),
    'no pseudo-header',
  )
})

t.test('bodies, heads alone, repeats and trailers of an answer', async (t) => {
  const { bridge } = await stack(t)
  const session = await http2Client(t, bridge.url)
  t.equal(JSON.parse((await ask(session, { ':method': 'POST' }, 'x'.repeat(300_000))).body).length, 300_000)
  t.equal((await ask(session, { ':path': '/large' })).body.length, 3_000_000)
  const head = await ask(session, { ':method': 'HEAD', ':path': '/large' })
  t.equal(field(head.headers, 'content-length'), '3000000')
  t.equal(head.body, '')
  const twice = await ask(session, { ':path': '/twice' })
  t.equal(field(twice.headers, 'x-content-type-options'), 'nosniff', 'node:http2 would throw at two')
  t.equal(twice.headers.filter((name) => name === 'vary' || name === 'set-cookie').length, 4)
  const trailers = await ask(session, { ':path': '/trailers' })
  t.strictSame(trailers.trailers, ['x-sum', '42'])
  t.equal(trailers.body, 'body')
})

t.test('requests run side by side, and one that is stuck holds up no other', async (t) => {
  const { bridge } = await stack(t)
  const session = await http2Client(t, bridge.url)
  const silent = session.request({ ':path': '/silent', ':authority': 'localhost' })
  const unread = session.request({ ':path': '/large', ':authority': 'localhost' })
  const upload = session.request({ ':path': '/silent', ':method': 'POST', ':authority': 'localhost' })
  for (const stream of [silent, unread, upload]) stream.on('error', () => {})
  upload.write(Buffer.alloc(1_000_000))
  await once(unread, 'response')
  for (let i = 0; i < 20; i++) t.equal((await ask(session, {})).status, 200)
})

for (const path of ['/torn', '/torn-chunked']) {
  t.test(`an answer that breaks off is reset, never ended: ${path}`, async (t) => {
    const { bridge } = await stack(t)
    const session = await http2Client(t, bridge.url)
    const answer = await ask(session, { ':path': path })
    t.equal(answer.status, 200)
    t.notOk(answer.whole)
    t.equal(answer.code, 2, 'INTERNAL_ERROR')
    t.equal((await ask(session, {})).status, 200, 'the connection goes on')
  })
}

t.test('a client that resets its request cancels it at the service, whatever the code', async (t) => {
  const { upstream, bridge } = await stack(t)
  for (const code of [0, 8]) {
    const client = await rawHttp2(t, bridge.url)
    const asked = once(upstream.server, 'request')
    client.send(frame(HEADERS, END_HEADERS, 1, request([], '/silent', 'POST')), frame(DATA, 0, 1, Buffer.from('abc')))
    const [req] = await asked
    req.on('error', () => {})
    const gone = new Promise((resolve) => req.on('close', resolve))
    client.send(frame(RST_STREAM, 0, 1, u32(code)))
    await gone
    t.notOk(req.complete, `a torn upload is no whole one (code ${code})`)
  }
})

t.test('an early answer stops the upload, and the connection goes on', async (t) => {
  const { bridge } = await stack(t)
  const client = await rawHttp2(t, bridge.url)
  client.send(frame(HEADERS, END_HEADERS, 1, request([], '/a/../b', 'POST')), frame(DATA, 0, 1, Buffer.alloc(16_000)))
  const answer = await client.next(({ type }) => type === DATA)
  t.match(answer?.payload.toString(), /BAD_TARGET/)
  t.equal(answer?.flags, END_STREAM)
  const reset = await client.next(({ type }) => type === RST_STREAM)
  t.equal(reset?.payload.readUInt32BE(0), 0, 'NO_ERROR (RFC 9113 §8.1)')
  client.send(frame(DATA, 0, 1, Buffer.alloc(16_000)), frame(HEADERS, END_STREAM | END_HEADERS, 3, request()))
  t.ok(await client.next(({ type, stream }) => type === HEADERS && stream === 3))
})

/** What became of the first stream: its status, or the code it was reset with, or that the connection was closed. */
async function fate(client: RawHttp2): Promise<string> {
  const found = await client.next(({ type }) => type === HEADERS || type === RST_STREAM || type === GOAWAY)
  if (found === undefined) return 'closed'
  if (found.type === GOAWAY) return 'closed'
  return found.type === RST_STREAM ? `reset ${found.payload.readUInt32BE(0)}` : 'answered'
}

const post = (...more: [string, string][]) => frame(HEADERS, END_HEADERS, 1, request(more, '/', 'POST'))
const get = (...more: [string, string][]) => frame(HEADERS, END_STREAM | END_HEADERS, 1, request(more))
const abc = frame(DATA, END_STREAM, 1, Buffer.from('abc'))

t.test('what is malformed is reset with PROTOCOL_ERROR, and never reaches a service (RFC 9113 §8.1.1)', async (t) => {
  const { upstream, bridge } = await stack(t)
  const malformed: readonly [string, ...Uint8Array[]][] = [
    ['a name in upper case', get(['X-Up', 'a'])],
    ['Connection', get(['connection', 'close'])],
    ['Keep-Alive', get(['keep-alive', '5'])],
    ['Proxy-Connection', get(['proxy-connection', 'close'])],
    ['Transfer-Encoding', get(['transfer-encoding', 'chunked'])],
    ['Upgrade', get(['upgrade', 'websocket'])],
    ['TE other than trailers', get(['te', 'gzip'])],
    ['an unknown pseudo-header', get([':x', 'y'])],
    ['two Hosts', get(['host', 'localhost'], ['host', 'localhost'])],
    [
      'no authority',
      frame(
        HEADERS,
        5,
        1,
        block([
          [':method', 'GET'],
          [':scheme', 'https'],
          [':path', '/'],
        ]),
      ),
    ],
    [
      'no path',
      frame(
        HEADERS,
        5,
        1,
        block([
          [':method', 'GET'],
          [':scheme', 'https'],
          [':authority', 'localhost'],
        ]),
      ),
    ],
    ['a blank in the path', frame(HEADERS, 5, 1, request([], '/a b'))],
    ['a line end in the path', frame(HEADERS, 5, 1, request([], '/a\r\nx: y'))],
    ['a whole URL as path', frame(HEADERS, 5, 1, request([], 'http://localhost/'))],
    ['a line end in the method', frame(HEADERS, 5, 1, request([], '/', 'GET / HTTP/1.1\r\nx: y'))],
    [
      'extended CONNECT',
      frame(
        HEADERS,
        4,
        1,
        block([
          [':method', 'CONNECT'],
          [':protocol', 'websocket'],
          [':scheme', 'https'],
          [':path', '/'],
          [':authority', 'localhost'],
        ]),
      ),
    ],
    ['a body shorter than its Content-Length', post(['content-length', '5']), abc],
    ['a body longer than its Content-Length', post(['content-length', '2']), abc],
    ['two Content-Lengths', post(['content-length', '3'], ['content-length', '3']), abc],
    ['a Content-Length that is no number', post(['content-length', '+3']), abc],
    ['a Content-Length without a body', frame(HEADERS, 5, 1, request([['content-length', '3']], '/', 'POST'))],
  ]
  for (const [what, ...frames] of malformed) {
    const client = await rawHttp2(t, bridge.url)
    client.send(...frames)
    // Deno closes the whole connection.
    t.match(await fate(client), 'Deno' in globalThis ? /^(?:reset 1|closed)$/ : /^reset 1$/, what)
    client.socket.destroy()
  }
  t.strictSame(
    upstream.requests.filter((req) => req.complete),
    [],
  )
})

t.test('a field that cannot be written is not passed on', async (t) => {
  const { bridge } = await stack(t)
  for (const [name, value] of [
    ['x-a', 'a\r\nx-b: c'],
    ['x-a', 'a\0b'],
    ['x a', 'b'],
  ] as const) {
    const client = await rawHttp2(t, bridge.url)
    client.send(get([name, value]))
    const body = await client.next(({ type, payload }) => type === DATA && payload.length > 0)
    t.notMatch(body?.payload.toString('latin1'), /x-a|x-b|x a/)
  }
})

t.test('what HTTP/1 refuses is refused alike, as a problem', async (t) => {
  const { upstream, bridge } = await stack(t)
  const refused: readonly [OutgoingHttpHeaders, number, string][] = [
    [{ ':path': '/a/%2e%2e/b' }, 400, 'BAD_TARGET'],
    [{ ':path': '/a\\b' }, 400, 'BAD_TARGET'],
    [{ ':authority': 'user@localhost' }, 400, 'BAD_REQUEST'],
    [{ host: 'elsewhere.example' }, 400, 'BAD_REQUEST'],
    [{ ':scheme': 'ftp' }, 400, 'BAD_REQUEST'],
    [{ ':method': 'TRACE' }, 405, 'METHOD_NOT_ALLOWED'],
    [{ ':method': 'get' }, 501, 'NOT_IMPLEMENTED'],
    [{ ':path': `/${'a'.repeat(9000)}` }, 414, 'TARGET_TOO_LONG'],
    [{ 'x-a': 'a'.repeat(33_000) }, 431, 'HEADERS_TOO_LARGE'],
    [{ 'x-a': Array.from({ length: 101 }, () => 'a') }, 431, 'HEADERS_TOO_LARGE'],
    [{ expect: 'wonders' }, 417, 'EXPECTATION_FAILED'],
  ]
  for (const [headers, status, code] of refused) {
    const answer = await ask(await http2Client(t, bridge.url), headers)
    if ('Deno' in globalThis && answer.status === 0) continue // malformed already, and the connection closed
    t.equal(answer.status, status, `${JSON.stringify(headers).slice(0, 60)} → ${status}`)
    t.equal(field(answer.headers, 'content-type'), 'application/problem+json')
    t.equal(JSON.parse(answer.body).code, code)
  }
  const client = await rawHttp2(t, bridge.url)
  client.send(
    frame(
      HEADERS,
      5,
      1,
      block([
        [':method', 'CONNECT'],
        [':authority', 'localhost:443'],
      ]),
    ),
  )
  t.match((await client.next(({ type }) => type === DATA))?.payload.toString(), /METHOD_NOT_ALLOWED/)
  t.equal(upstream.requests.length, 0)
})

t.test('100 Continue is sent when the body is wanted', async (t) => {
  const { bridge } = await stack(t)
  const session = await http2Client(t, bridge.url)
  const stream = session.request({ ':path': '/', ':method': 'POST', ':authority': 'localhost', expect: '100-continue' })
  await once(stream, 'continue')
  stream.end('abc')
  t.equal(JSON.parse((await answerOf(stream)).body).length, 3)
})

t.test('a client that floods is cut off, and the others are served', async (t) => {
  const { bridge } = await stack(t)
  const floods: Readonly<Record<string, (client: RawHttp2, n: number) => void>> = {
    'streams that are reset at once (CVE-2023-44487)': (client, n) =>
      client.send(frame(HEADERS, 5, 2 * n + 1, request([], '/silent')), frame(RST_STREAM, 0, 2 * n + 1, u32(8))),
    'CONTINUATION without end (CVE-2024-27983)': (client, n) =>
      client.send(
        n === 0 ? frame(HEADERS, END_STREAM, 1, request()) : frame(CONTINUATION, 0, 1, block([['x-a', 'b']])),
      ),
    'empty DATA (CVE-2019-9518)': (client, n) => client.send(n === 0 ? post() : frame(DATA, 0, 1)),
  }
  for (const [what, flood] of Object.entries(floods)) {
    const client = await rawHttp2(t, bridge.url)
    let over = false
    const ended = Promise.race([client.next(({ type }) => type === GOAWAY), client.closed]).then(() => {
      over = true
    })
    for (let n = 0; n < 50_000 && !over; n++) {
      flood(client, n)
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await ended
    t.pass(what)
    client.socket.destroy()
  }
  t.equal((await ask(await http2Client(t, bridge.url), {})).status, 200)
})

t.test('more requests at a time than are taken are refused, and can be sent again', async (t) => {
  const { bridge } = await stack(t)
  const client = await rawHttp2(t, bridge.url)
  for (let i = 0; i < 129; i++) client.send(frame(HEADERS, 5, 2 * i + 1, request([], '/silent')))
  const refused = await client.next(({ type }) => type === RST_STREAM)
  t.equal(refused?.payload.readUInt32BE(0), 7, 'REFUSED_STREAM')
})

t.test('on a shutdown clients hear GOAWAY, and what is under way ends', async (t) => {
  let answer: (() => void) | undefined
  const upstream = await startUpstream(t, (_req, res) => {
    answer = () => res.end('late')
  })
  const bridge = await startBascule(t, tlsBridge(upstream.url))
  const session = await http2Client(t, bridge.url)
  const asked = once(upstream.server, 'request')
  const under = ask(session, {})
  await asked
  const goaway = once(session, 'goaway')
  const stopped = bridge.stop()
  await goaway
  answer?.()
  const { status, body, whole } = await under
  t.strictSame({ status, body }, { status: 200, body: 'late' })
  // Deno's client takes every stream for closed once it heard GOAWAY, and cannot tell how it ended.
  if (!('Deno' in globalThis)) t.equal(whole, true)
  await stopped
})

t.test('a reload keeps connections', async (t) => {
  const { bridge } = await stack(t)
  const session = await http2Client(t, bridge.url)
  t.equal((await ask(session, {})).status, 200)
  t.ok(await bridge.reload({ 'routes.yaml': 'services: {}\nroutes: []\n' }))
  t.equal((await ask(session, {})).status, 404, 'the new routes, on the old connection')
})

async function curl(bridge: RunningBascule, ...args: string[]): Promise<string> {
  const { port } = new URL(bridge.url)
  const { stdout } = await run('curl', ['-sS', '--cacert', certFile('ca'), ...args, `https://localhost:${port}/x`])
  return stdout
}

/** Why a test with this program is passed over. */
async function missing(program: string, says: string, reason: string): Promise<string | false> {
  const there = await run(program, ['--version']).catch(() => undefined)
  return there?.stdout.includes(says) ? false : reason
}

const noCurl = await missing('curl', 'HTTP2', 'there is no curl with HTTP/2 here')
t.test('curl speaks both versions', { skip: noCurl }, async (t) => {
  const { bridge } = await stack(t)
  for (const [flag, said] of [
    ['--http2', '2'],
    ['--http1.1', '1.1'],
  ] as const) {
    t.equal(await curl(bridge, flag, '-o', '/dev/null', '-w', '%{http_version} %{http_code}'), `${said} 200`)
    t.equal(JSON.parse(await curl(bridge, flag, '--data-binary', 'hello')).length, 5)
  }
})

const noLoad = await missing('h2load', 'nghttp2', 'there is no h2load here (Debian package nghttp2-client)')
t.test('h2load: many streams on few connections, all answered', { skip: noLoad }, async (t) => {
  const { bridge } = await stack(t)
  const { stdout } = await run('h2load', [
    '-n',
    '500',
    '-c',
    '4',
    '-m',
    '16',
    bridge.url.replace('127.0.0.1', 'localhost'),
  ])
  t.match(stdout, /500 succeeded, 0 failed, 0 errored, 0 timeout/)
  t.match(stdout, /500 2xx/)
})

t.test('the authority chooses among several origins, as a Host would; services are told of no other', async (t) => {
  const upstream = await startUpstream(t, (req, res) => res.end(String(req.headers['x-forwarded-host'])))
  const server = ', public_url: "https://localhost", public_urls: ["https://partners.test"]'
  const { url } = await startBascule(t, tlsBridge(upstream.url, { server }))
  const client = await http2Client(t, url)
  const at = async (authority: string) => {
    const verified = await ask(client, { ':path': '/auth/verify', ':authority': authority })
    const { body } = await ask(client, { ':path': '/x', ':authority': authority })
    return [verified.status, field(verified.headers, 'location'), body]
  }
  const login = (origin: string) => `${origin}/auth/login?return_to=%2F`
  t.strictSame(await at('partners.test'), [401, login('https://partners.test'), 'partners.test'])
  t.strictSame(await at('localhost'), [401, login('https://localhost'), 'localhost'])
  t.strictSame(await at('evil.test'), [401, login('https://localhost'), 'undefined'])
})
