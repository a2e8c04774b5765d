// What a client may send byte for byte, through the default profile, and what then reaches the upstream: one well-formed request, or nothing.
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type RunningBascule, startBascule } from '../kit/bascule.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { get, post } from '../kit/front.ts'
import { type RawClient, rawClient } from '../kit/raw-client.ts'
import { type RawUpstream, rawUpstream, whole } from '../kit/raw-upstream.ts'

type Script = (text: string, socket: Socket) => void

/** Answers once a head is there, and a body where one was announced. */
const fine: Script = (text, socket) => {
  const requests = text.split(/(?<=\r\n\r\n)(?=[A-Z]+ \/)/)
  if (requests.at(-1)?.includes('\r\n\r\n')) socket.write(whole('fine'))
}

async function start(t: Test, script: Script = fine) {
  const upstream = await rawUpstream(script)
  const bascule = await startBascule(t, {
    'settings.yaml': settings(),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${upstream.url}", timeout: 5s } }
routes:
  - { id: open, path: "/open/*", target_service: api, upstream_path: "/{path}", auth: none }
  - { id: guarded, path: "/guarded/*", target_service: api, upstream_path: "/{path}", auth: session }
`,
  })
  t.teardown(() => upstream.close())
  return { bascule, upstream }
}

const host = 'Host: app.example\r\n'
const ended = (bascule: RunningBascule) => bascule.lines.filter((line) => line.outcome !== undefined)

/** What is refused, with which status, and whether the connection may be used again. */
const refused: readonly [what: string, bytes: string, status: number, kept?: 'kept'][] = [
  ['two lengths', `POST /open/x HTTP/1.1\r\n${host}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd`, 400],
  ['two equal lengths', `POST /open/x HTTP/1.1\r\n${host}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`, 400],
  ['a list of lengths', `POST /open/x HTTP/1.1\r\n${host}Content-Length: 4, 4\r\n\r\nabcd`, 400],
  ['a length with a sign', `POST /open/x HTTP/1.1\r\n${host}Content-Length: +4\r\n\r\nabcd`, 400],
  ['a negative length', `POST /open/x HTTP/1.1\r\n${host}Content-Length: -4\r\n\r\nabcd`, 400],
  ['a hexadecimal length', `POST /open/x HTTP/1.1\r\n${host}Content-Length: 0x4\r\n\r\nabcd`, 400],
  ['a length past counting', `POST /open/x HTTP/1.1\r\n${host}Content-Length: 99999999999999999999\r\n\r\nabcd`, 400],
  [
    'a length and a coding',
    `POST /open/x HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    'a length and an empty coding',
    `POST /open/x HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding:\r\n\r\nabcd`,
    400,
  ],
  ['an empty coding', `POST /open/x HTTP/1.1\r\n${host}Transfer-Encoding:\r\n\r\n0\r\n\r\n`, 501],
  ['an unknown coding', `POST /open/x HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['a coding spelt with a tab', `POST /open/x HTTP/1.1\r\n${host}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400],
  ['a coding that is not last', `POST /open/x HTTP/1.1\r\n${host}Transfer-Encoding: chunked, identity\r\n\r\n`, 400],
  [
    'a coding twice',
    `POST /open/x HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ['a coding in HTTP/1.0', `POST /open/x HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['no Host', 'GET /open/x HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', `GET /open/x HTTP/1.1\r\n${host}${host}\r\n`, 400],
  ['an empty Host', 'GET /open/x HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['a Host with a path', 'GET /open/x HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['a Host with user information', 'GET /open/x HTTP/1.1\r\nHost: a@b\r\n\r\n', 400],
  ['a Host with a comma', 'GET /open/x HTTP/1.1\r\nHost: a, b\r\n\r\n', 400],
  ['a Host with a blank', 'GET /open/x HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ['a Host with a port that is none', 'GET /open/x HTTP/1.1\r\nHost: a:b\r\n\r\n', 400],
  ['a Host with a tab', 'GET /open/x HTTP/1.1\r\nHost: a\tb\r\n\r\n', 400],
  ['a Host with a high byte', 'GET /open/x HTTP/1.1\r\nHost: a\xe9\r\n\r\n', 400],
  ['obs-fold', `GET /open/x HTTP/1.1\r\n${host}X-A: 1\r\n 2\r\n\r\n`, 400],
  ['a bare CR', `GET /open/x HTTP/1.1\r\n${host}X-A: 1\rX-B: 2\r\n\r\n`, 400],
  ['a NUL', `GET /open/x HTTP/1.1\r\n${host}X-A: 1\x002\r\n\r\n`, 400],
  ['a blank before the colon', `GET /open/x HTTP/1.1\r\n${host}X-A : 1\r\n\r\n`, 400],
  ['a blank before the first field', `GET /open/x HTTP/1.1\r\n X-A: 1\r\n${host}\r\n`, 400],
  ['a field without a name', `GET /open/x HTTP/1.1\r\n${host}: 1\r\n\r\n`, 400],
  ['a line without a colon', `GET /open/x HTTP/1.1\r\n${host}nothing\r\n\r\n`, 400],
  ['too many header bytes', `GET /open/x HTTP/1.1\r\n${host}X-A: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ['a long target', `GET /open/${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`, 414],
  ['a target longer than the head may be', `GET /open/${'a'.repeat(50_000)} HTTP/1.1\r\n${host}\r\n`, 414],
  ['an absolute target', `GET http://app.example/open/x HTTP/1.1\r\n${host}\r\n`, 400, 'kept'],
  ['a target without a slash', `GET open/x HTTP/1.1\r\n${host}\r\n`, 400],
  ['a target of two slashes', `GET //other.example/open/x HTTP/1.1\r\n${host}\r\n`, 400, 'kept'],
  ['a target with a fragment', `GET /open/x#y HTTP/1.1\r\n${host}\r\n`, 400, 'kept'],
  ['a target with a blank', `GET /open/x y HTTP/1.1\r\n${host}\r\n`, 400],
  ['CONNECT', `CONNECT other:443 HTTP/1.1\r\n${host}\r\n`, 405],
  ['TRACE', `TRACE /open/x HTTP/1.1\r\n${host}\r\n`, 405],
  ['an unknown method', `BREW /open/x HTTP/1.1\r\n${host}\r\n`, 501],
  ['a method in lower case', `get /open/x HTTP/1.1\r\n${host}\r\n`, 501],
  ['HTTP/2.0', `GET /open/x HTTP/2.0\r\n${host}\r\n`, 400],
  ['HTTP/0.9', `GET /open/x HTTP/0.9\r\n${host}\r\n`, 400],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['an unknown expectation', `POST /open/x HTTP/1.1\r\n${host}Content-Length: 1\r\nExpect: more\r\n\r\nx`, 417],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
]

t.test('what is in doubt is refused as a problem, told once, and nothing behind it runs', async (t) => {
  const { bascule, upstream } = await start(t)
  for (const [what, bytes, status, kept] of refused) {
    const before = ended(bascule).length
    const client = rawClient(t, bascule.url)
    client.send(bytes + get('/open/smuggled'))
    const [answer] = await client.answers(1)
    t.equal(answer?.status, status, what)
    t.equal(answer?.headers.get('content-type'), 'application/problem+json', what)
    t.match(answer?.body, new RegExp(`"status":${status}.*"correlation_id":"[0-9a-f-]{36}"`), what)
    if (status === 405) t.ok(answer?.headers.has('allow'), what)
    if (kept) {
      t.match(
        await client.answers(2),
        [{ status }, { status: 200, body: 'fine' }],
        `${what}: the framing is not in doubt`,
      )
      client.close()
    } else {
      await client.ended
      t.equal(client.text.split(/HTTP\/1\.1 \d/).length, 2, `${what}: one answer`)
    }
    await bascule.line((line) => line.status === status && line.outcome === 'rejected', 0)
    t.equal(ended(bascule).length, before + (kept ? 2 : 1), `${what}: told once`)
  }
  t.notMatch(upstream.heard.join(''), /POST|other\.example/)
})

/** Splits what a connection heard into requests the way the strictest reader would; throws where it cannot. */
function requestsIn(heard: string): { line: string; fields: string[]; body: string }[] {
  const requests = []
  for (let rest = heard; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n')
    const [line = '', ...fields] = rest.slice(0, end).split('\r\n')
    if (end === -1 || !/^[A-Z]+ \/[^ ]* HTTP\/1\.1$/.test(line)) throw new Error(`no request: ${JSON.stringify(rest)}`)
    for (const field of fields)
      if (!/^[!-9;-~]+: ?[\t -~\x80-\xff]*$/.test(field)) throw new Error(`no field: ${field}`)
    const named = (name: string) => fields.filter((field) => field.toLowerCase().startsWith(`${name}:`))
    const [lengths, codings] = [named('content-length'), named('transfer-encoding')]
    if (lengths.length + codings.length > 1 || named('host').length !== 1)
      throw new Error(`ambiguous: ${fields.join()}`)
    rest = rest.slice(end + 4)
    let body = ''
    if (lengths[0]) {
      body = rest.slice(0, Number(lengths[0].split(':')[1]))
      rest = rest.slice(body.length)
    }
    if (codings[0]) {
      const over = rest.indexOf('0\r\n\r\n')
      body = rest.slice(0, over)
      rest = rest.slice(over + 5)
    }
    requests.push({ line, fields, body })
  }
  return requests
}

t.test('what is taken reaches the upstream as exactly one well-formed request', async (t) => {
  const taken: readonly [what: string, bytes: string, line: string, body: string][] = [
    ['a GET', get('/open/a?b=%2e%2e//&c'), 'GET /a?b=%2e%2e//&c HTTP/1.1', ''],
    ['a GET with a body', post('four', '/open/a').replace('POST', 'GET'), 'GET /a HTTP/1.1', 'four'],
    ['a body with a length', post('four', '/open/a'), 'POST /a HTTP/1.1', 'four'],
    ['a body of no bytes', post('', '/open/a'), 'POST /a HTTP/1.1', ''],
    [
      'a chunked DELETE',
      post('4;ext=1\r\nfour\r\n0\r\nX-Trailer: 1\r\n\r\n', '/open/a', 'Transfer-Encoding: chunked\r\n').replace(
        'POST',
        'DELETE',
      ),
      'DELETE /a HTTP/1.1',
      '4\r\nfour\r\n',
    ],
    ['a body that looks like a request', post(get('/smuggled'), '/open/a'), 'POST /a HTTP/1.1', get('/smuggled')],
    [
      'an offer of another protocol',
      get('/open/a', 'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n'),
      'GET /a HTTP/1.1',
      '',
    ],
    [
      'names of the prototype',
      get('/open/a', '__proto__: 1\r\nconstructor: 2\r\ntoString: 3\r\n'),
      'GET /a HTTP/1.1',
      '',
    ],
    ['a Host with a port', get('/open/a').replace('app.example', '[::1]:8080'), 'GET /a HTTP/1.1', ''],
    ['empty lines before', `\r\n\r\n${get('/open/a')}`, 'GET /a HTTP/1.1', ''],
    ['HTTP/1.0', 'GET /open/a HTTP/1.0\r\n\r\n', 'GET /a HTTP/1.1', ''],
  ]
  for (const [what, bytes, line, body] of taken) {
    const { bascule, upstream } = await start(t)
    const client = rawClient(t, bascule.url)
    client.send(bytes)
    t.match(await client.answers(1), [{ status: 200, body: 'fine' }], what)
    const requests = requestsIn(upstream.heard.join(''))
    t.equal(requests.length, 1, what)
    t.match(requests[0], { line, body }, what)
    t.notMatch(requests[0]?.fields.join('\n'), /upgrade|http2-settings|^connection: upgrade/im, what)
  }
})

async function bothSides(
  t: Test,
  script: Script,
  bytes: string,
): Promise<{ client: RawClient; upstream: RawUpstream; bascule: RunningBascule }> {
  const { bascule, upstream } = await start(t, script)
  const client = rawClient(t, bascule.url)
  client.send(bytes)
  return { client, upstream, bascule }
}

const upload = post('', '/open/upload', 'Content-Length: 300000\r\n')

t.test(
  'an upstream that answers early, in the middle of an upload, is heard, and the connection goes on',
  async (t) => {
    const early: Script = (text, socket) => {
      if (text.startsWith('POST'))
        socket.end('HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
      else fine(text, socket)
    }
    const { client, bascule } = await bothSides(t, early, `${upload}${'x'.repeat(1000)}`)
    t.match(await client.answers(1), [{ status: 413, body: 'no' }])
    client.send('x'.repeat(299_000) + get('/open/next'))
    t.match(await client.answers(2), [{ status: 413 }, { status: 200, body: 'fine' }])
    t.match(await bascule.line((line) => line.status === 413), { outcome: 'completed' })
  },
)

t.test('an upstream that fails in the middle of an upload is a 502 that gets out', async (t) => {
  const failing: Script = (text, socket) => {
    if (text.startsWith('POST')) socket.resetAndDestroy()
    else fine(text, socket)
  }
  const { client, bascule } = await bothSides(t, failing, `${upload}${'x'.repeat(1000)}`)
  t.match(await client.answers(1), [{ status: 502 }])
  client.send('x'.repeat(299_000) + get('/open/next'))
  t.match(await client.answers(2), [{ status: 502 }, { status: 200, body: 'fine' }])
  t.match(await bascule.line((line) => line.status === 502), { outcome: 'failed', code: 'UPSTREAM_UNREACHABLE' })
})

t.test(
  'a client that fails in the middle of an upload has aborted, and the upstream sees no whole request',
  async (t) => {
    const { client, upstream, bascule } = await bothSides(
      t,
      () => {},
      post('5\r\nhello\r\n', '/open/upload', 'Transfer-Encoding: chunked\r\n'),
    )
    await upstream.said(0, (text) => text.includes('hello'))
    client.socket.resetAndDestroy()
    t.match(await bascule.line((line) => line.outcome !== undefined), {
      outcome: 'aborted',
      status: null,
      code: 'CLIENT_CLOSED',
    })
    t.notMatch(upstream.heard[0], /\r\n0\r\n\r\n$/)
  },
)

t.test('a body is neither asked for nor sent on before its request is let in', async (t) => {
  const { client, upstream } = await bothSides(
    t,
    fine,
    post('', '/guarded/x', 'Content-Length: 4\r\nExpect: 100-continue\r\n'),
  )
  t.match(await client.answers(1), [{ status: 401, headers: new Map([['connection', 'close']]) }])
  t.equal(await client.ended, 'fin')
  t.notMatch(client.text, /100 Continue/)
  t.same(upstream.heard, [])
})

t.test('a torn upstream body looks torn to every client', async (t) => {
  const torn: Record<string, [head: string, tear: (socket: Socket) => unknown]> = {
    chunked: ['Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', (socket) => socket.end()],
    'with a length': ['Content-Length: 100\r\n\r\nhalf', (socket) => socket.end()],
    'chunked and reset': ['Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', (socket) => socket.resetAndDestroy()],
  }
  for (const [what, [head, tear]] of Object.entries(torn)) {
    for (const version of ['1.0', '1.1']) {
      const script: Script = (_text, socket) => void socket.write(`HTTP/1.1 200 OK\r\n${head}`)
      const { client, bascule, upstream } = await bothSides(t, script, `GET /open/x HTTP/${version}\r\n${host}\r\n`)
      await client.until((text) => text.includes('half'))
      tear(upstream.sockets[0]!)
      t.equal(await client.ended, 'reset', `${what} to HTTP/${version}`)
      t.notMatch(client.text, /\r\n0\r\n\r\n$/, what)
      t.match(await bascule.line((line) => line.outcome !== undefined), { outcome: 'failed', status: 200 }, what)
    }
  }
})

t.test('bodies where none may be do not reach the client', async (t) => {
  const statuses: Record<string, string> = {
    '204': 'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    '304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil',
  }
  for (const [status, bytes] of Object.entries(statuses)) {
    const { client } = await bothSides(t, (_text, socket) => void socket.write(bytes), get('/open/x'))
    t.match(await client.answers(1), [{ status: Number(status), body: '' }])
    t.notMatch(client.text, /evil/)
  }
})
