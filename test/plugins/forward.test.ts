import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers'
import t, { type Test } from 'tap'
import { type Body, fault, type Route, type Source } from '../../core/index.ts'
import forwardStage from '../../plugins/forward.ts'
import type { UpstreamRequest } from '../../plugins/lib/upstream/upstream.ts'
import { FakeExchange } from '../kit/fake-exchange.ts'
import { FakeHost, route, service } from '../kit/fake-host.ts'
import { FakeSink } from '../kit/fake-sink.ts'
import { rawUpstream, whole } from '../kit/raw-upstream.ts'

type Answer = Parameters<typeof rawUpstream>[0]

interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: string[]
  readonly body?: Readable | Uint8Array
  readonly length?: string
  readonly credential?: UpstreamRequest['credential']
}

/** One upstream, one route to it, and calls through `forward`. */
async function bridge(
  t: Test,
  answer: Answer,
  more: Partial<Route> & { timeout?: number; idle_timeout?: number; max_in_flight?: number } = {},
) {
  const upstream = await rawUpstream(answer)
  const { timeout = 5_000, idle_timeout = 5_000, max_in_flight = 256, ...rest } = more
  const api = service(`${upstream.url}/base`, { timeout, idle_timeout, max_in_flight })
  const theRoute = route('/*', { service: api, auth: 'session', ...rest })
  const host = new FakeHost({ routes: [theRoute] })
  const made = await forwardStage.setup(host)
  const { run } = made(theRoute)
  t.teardown(async () => {
    await host.close()
    await upstream.close()
  })
  const word = ({ method = 'GET', path = '/x', headers = [], body, length, credential }: Ask = {}) => {
    const kind: Body['kind'] = body === undefined ? 'none' : body instanceof Uint8Array ? 'buffered' : 'stream'
    const x = new FakeExchange(path, {
      method,
      headers: ['Host', 'app.test', ...(length === undefined ? [] : ['Content-Length', length])],
      slots: { upstream: { method, path, headers, service: api, credential } },
      body: { kind, bytes: async () => new Uint8Array(), limit() {}, take: () => body ?? null },
    })
    run?.(x)
    return x.word
  }
  const source = (ask: Ask = {}): Source => {
    const said = word(ask)
    if (said?.kind !== 'stream') throw new Error(`forward said ${JSON.stringify(said)}`)
    return said.source
  }
  const call = async (ask: Ask = {}) => {
    const sink = await new FakeSink().take(source(ask))
    await turn() // the pool takes a connection back one turn of the loop after its answer
    await turn()
    return sink
  }
  return { upstream, source, call, refused: word }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const hasHead = (text: string) => text.includes('\r\n\r\n')
const always =
  (bytes: string): Answer =>
  (text, socket) => {
    if (hasHead(text)) socket.write(bytes, 'latin1')
  }

t.test('a request goes out byte for byte, and its credential last', async (t) => {
  const { upstream, call } = await bridge(t, always(whole('hi')))
  const attempts: unknown[] = []
  const credential = {
    fingerprint: 'f',
    audience: 'a',
    expiresAt: 0,
    headers: (attempt: unknown) => {
      attempts.push(attempt)
      return ['Authorization', 'Bearer t']
    },
  }
  const sink = await call({ path: '/a/%2F/b?q=%20&q=é', headers: ['X-B', '1', 'x-a', '2', 'X-B', '3'], credential })
  t.equal(sink.body, 'hi')
  const host = upstream.url.slice(7)
  t.equal(
    upstream.heard[0],
    `GET /a/%2F/b?q=%20&q=\xe9 HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nX-B: 1\r\nx-a: 2\r\nX-B: 3\r\nAuthorization: Bearer t\r\n\r\n`,
  )
  t.same(attempts, [{ method: 'GET', url: `${upstream.url}/a/%2F/b?q=%20&q=é` }])
})

t.test(
  'an answer keeps its order, repeats, bytes and reason; what is of the connection or of ours is gone',
  async (t) => {
    const lines = [
      'HTTP/1.1 200 Fi\tne',
      'X-Powered-By: q',
      'Set-Cookie: a=1',
      'Connection: close, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Set-Cookie: __Host-bff_session=evil; Path=/',
      'set-cookie: a=2',
      'X-Bytes: \xe9\xff',
      'Transfer-Encoding: chunked',
      'Trailer: X-T',
    ]
    const body = '\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\nSet-Cookie: bff_session=x\r\n\r\n'
    const { call } = await bridge(t, always(lines.join('\r\n') + body), { auth: 'none' })
    const sink = await call()
    t.equal(sink.status, 200)
    t.equal(sink.reason, 'Fine')
    t.same(sink.headers, ['X-Powered-By', 'q', 'Set-Cookie', 'a=1', 'set-cookie', 'a=2', 'X-Bytes', '\xe9\xff'])
    t.equal(sink.body, 'abc')
    t.same(sink.trailers, ['X-T', '1'])
  },
)

t.test('where a service names itself by its own address the browser is told the path of the route', async (t) => {
  const answer: Answer = (text, socket) => {
    const host = /host: (\S+)/.exec(text)?.[1]
    if (!hasHead(text)) return
    const own = [`Location: http://${host}/base/v1/x/?a=1#b`, `Content-Location: //${host}/base/v1/x`]
    const others = [
      'X-Own: http://h/base/v1/x',
      'location: https://elsewhere.test/base/v1/x',
      `Location: http://${host}/x`,
    ]
    socket.write(`HTTP/1.1 307 Moved\r\n${[...own, ...others].join('\r\n')}\r\nContent-Length: 0\r\n\r\n`)
  }
  const { call, upstream } = await bridge(t, answer, { path: '/api/*', upstream_path: '/v1/{path}', auth: 'none' })
  const sink = await call()
  t.same(sink.headers, [
    ...['Location', '/api/x/?a=1#b', 'Content-Location', '/api/x', 'X-Own', 'http://h/base/v1/x'],
    ...['location', 'https://elsewhere.test/base/v1/x', 'Location', `${upstream.url}/x`, 'Content-Length', '0'],
  ])
})

t.test('bodies keep their framing', async (t) => {
  const done: Answer = (text, socket) => {
    const [head = '', body = ''] = text.split('\r\n\r\n')
    const length = /content-length: (\d+)/i.exec(head)?.[1]
    const complete =
      length === undefined ? !/chunked/.test(head) || /0\r\n\r\n$/.test(text) : body.length >= Number(length)
    if (hasHead(text) && complete) socket.end(whole('ok', 'Connection: close'))
  }
  const framing = (text: string) => text.match(/(content-length|transfer-encoding): .*/gi)
  const cases: readonly [string, Ask, string[] | null, RegExp][] = [
    [
      'POST with a length',
      { method: 'POST', body: Readable.from([Buffer.from('abc')]), length: '3' },
      ['content-length: 3'],
      /\r\n\r\nabc$/,
    ],
    [
      'POST chunked',
      { method: 'POST', body: Readable.from([Buffer.from('abc')]) },
      ['transfer-encoding: chunked'],
      /3\r\nabc\r\n0\r\n\r\n$/,
    ],
    [
      'DELETE chunked',
      { method: 'DELETE', body: Readable.from([Buffer.from('abc')]) },
      ['transfer-encoding: chunked'],
      /3\r\nabc\r\n0\r\n\r\n$/,
    ],
    [
      'GET with a length',
      { body: Readable.from([Buffer.from('abc')]), length: '3' },
      ['content-length: 3'],
      /\r\n\r\nabc$/,
    ],
    [
      'OPTIONS chunked',
      { method: 'OPTIONS', body: Readable.from([Buffer.from('abc')]) },
      ['transfer-encoding: chunked'],
      /3\r\nabc\r\n0\r\n\r\n$/,
    ],
    ['chunked and empty', { method: 'DELETE', body: Readable.from([]) }, null, /\r\n\r\n$/],
    ['POST without a body', { method: 'POST' }, ['content-length: 0'], /\r\n\r\n$/],
    ['DELETE without a body', { method: 'DELETE' }, null, /\r\n\r\n$/],
    ['POST buffered', { method: 'POST', body: Buffer.from('abcd') }, ['content-length: 4'], /\r\n\r\nabcd$/],
    ['a method of their own', { method: 'PURGE' }, null, /^PURGE/],
  ]
  for (const [name, ask, expected, bytes] of cases) {
    const { upstream, call } = await bridge(t, done)
    const sink = await call(ask)
    t.equal(sink.body, 'ok', name)
    t.same(framing(upstream.heard[0]!), expected, name)
    t.match(upstream.heard[0], bytes, name)
  }
})

t.test('answers without a body end: HEAD keeps its connection, 204 and 304 do not wait for one', async (t) => {
  const { upstream, call } = await bridge(t, (text, socket, { requests }) => {
    if (!text.endsWith('\r\n\r\n')) return
    if (requests === 0) socket.write('HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n')
    else socket.write(`HTTP/1.1 ${requests === 1 ? '204 No Content' : '304 Not Modified'}\r\n\r\n`)
  })
  const head = await call({ method: 'HEAD' })
  t.same([head.status, head.values('content-length'), head.body], [200, ['5'], ''])
  t.equal((await call()).status, 204)
  t.equal((await call()).status, 304)
  t.equal(upstream.sockets.length, 1)
})

t.test('what fails before the head has a code of its own, and keeps the address to itself', async (t) => {
  const failing: readonly [string, string, Answer, object?][] = [
    ['closed', 'UPSTREAM_UNREACHABLE', (_text, socket) => socket.destroy()],
    ['reset', 'UPSTREAM_UNREACHABLE', (_text, socket) => socket.resetAndDestroy()],
    ['silent', 'UPSTREAM_TIMEOUT', () => {}, { timeout: 60 }],
    ['no HTTP', 'UPSTREAM_PROTOCOL_ERROR', always('SSH-2.0-OpenSSH\r\n')],
    [
      'two lengths',
      'UPSTREAM_PROTOCOL_ERROR',
      always('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'),
    ],
    [
      'length and chunked',
      'UPSTREAM_PROTOCOL_ERROR',
      always('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ],
    ['a head without end', 'UPSTREAM_PROTOCOL_ERROR', always(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)],
    [
      '101 unasked',
      'UPSTREAM_PROTOCOL_ERROR',
      always('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    ],
    ['101 without a word', 'UPSTREAM_PROTOCOL_ERROR', always('HTTP/1.1 101 Switching Protocols\r\n\r\n')],
    ['103 for ever', 'UPSTREAM_PROTOCOL_ERROR', always('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20))],
  ]
  for (const [name, code, answer, more] of failing) {
    const { upstream, call } = await bridge(t, answer, more)
    const sink = await call()
    const why = await sink.ended
    t.equal(why?.code, code, name)
    t.equal(sink.status, undefined, name)
    t.notMatch(why?.message, upstream.url.slice(7), name)
    t.ok(upstream.heard.join('').split(' HTTP/1.1').length <= 2, `${name}: not tried again`)
  }
})

t.test('a refused connection and a name that is not known are unreachable', async (t) => {
  const gone = await rawUpstream(() => {})
  await gone.close()
  for (const url of [gone.url, 'http://nowhere.invalid:81']) {
    const theRoute = route('/*', { service: service(url) })
    const host = new FakeHost({ routes: [theRoute] })
    const { run } = (await forwardStage.setup(host))(theRoute)
    const x = new FakeExchange('/x', {
      slots: {
        upstream: { method: 'GET', path: '/x', headers: [], service: theRoute.service!, credential: undefined },
      },
    })
    run?.(x)
    const sink = await new FakeSink().take((x.word as { source: Source }).source)
    t.equal((await sink.ended)?.code, 'UPSTREAM_UNREACHABLE', url)
    await host.close()
  }
})

t.test('what fails after the head is told as such, and never as an end', async (t) => {
  const failing: readonly [string, string, Answer, object?][] = [
    [
      'cut short',
      'UPSTREAM_UNREACHABLE',
      (_t, socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'),
    ],
    [
      'less than its length',
      'UPSTREAM_UNREACHABLE',
      (_t, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'),
    ],
    [
      'no chunk',
      'UPSTREAM_PROTOCOL_ERROR',
      (_t, socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
    ],
    [
      'stalled',
      'UPSTREAM_TIMEOUT',
      (_t, socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'),
      { idle_timeout: 60 },
    ],
  ]
  for (const [name, code, answer, more] of failing) {
    const { call } = await bridge(t, answer, more)
    const sink = await call()
    t.equal(sink.status, 200, name)
    t.equal((await sink.ended)?.code, code, name)
  }
})

t.test('a streaming route waits for its next byte', async (t) => {
  let stream: Socket | undefined
  const { source } = await bridge(
    t,
    (_text, socket) => {
      stream = socket
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
    },
    { auth: 'none', streaming: true, idle_timeout: 1 },
  )
  const sink = new FakeSink()
  const first = new Promise<void>((resolve) => {
    sink.onChunk = resolve
  })
  source().start(sink)
  await first
  stream?.write('1\r\nb\r\n0\r\n\r\n')
  t.equal(await sink.ended, undefined)
  t.equal(sink.body, 'ab')
})

t.test('early hints go through, 104 does not, the answer follows', async (t) => {
  const { call } = await bridge(
    t,
    always(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 104 X\r\n\r\n${whole('ok')}`),
  )
  const sink = await call()
  t.same([sink.informed, sink.status, sink.body], [[103], 200, 'ok'])
})

t.test('100 Continue that nobody asked for is read past, however it is cut', async (t) => {
  const heads = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 C\r\nX: 100\r\n\r\n`
  const body = 'HTTP/1.1 100 is only text here'
  const { upstream, call } = await bridge(t, (text, socket, { requests }) => {
    if (!text.endsWith('\r\n\r\n')) return
    const bytes = heads + whole(body)
    const cut = requests * 7
    socket.write(bytes.slice(0, cut), () => setImmediate(() => socket.write(bytes.slice(cut))))
  })
  for (let cut = 0; cut < 20; cut++) {
    const sink = await call()
    t.same([sink.informed, sink.status, sink.body], [[103], 200, body], `cut at ${cut * 7}`)
  }
  t.equal(upstream.sockets.length, 1)
})

t.test('an answer that ends with its connection is whole, for a slow client too', async (t) => {
  const { source } = await bridge(t, (_text, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nabc'))
  for (const slow of [false, true]) {
    const sink = new FakeSink()
    const call = source()
    sink.full = slow
    sink.onHead = sink.onChunk = () => setTimeout(() => call.room(), 20)
    call.start(sink)
    t.equal(await sink.ended, undefined)
    t.equal(sink.body, 'abc')
  }
})

t.test('an answer that only the end of its connection could end is torn where that is a reset', async (t) => {
  for (const head of ['HTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n']) {
    for (const slow of [false, true]) {
      const { source } = await bridge(t, (_text, socket) => {
        socket.write(`${head}abc`, () => setImmediate(() => socket.resetAndDestroy()))
      })
      const sink = new FakeSink()
      const call = source()
      sink.full = slow
      sink.onHead = sink.onChunk = () => setTimeout(() => call.room(), 20)
      call.start(sink)
      t.equal((await sink.ended)?.code, 'UPSTREAM_UNREACHABLE')
    }
  }
})

t.test('bytes after an answer cost their connection, and reach nobody', async (t) => {
  const extra = whole('evil')
  const { upstream, call } = await bridge(t, (text, socket, { connection }) => {
    if (text.endsWith('\r\n\r\n')) socket.write(whole(`${connection}`) + (connection === 0 ? extra : ''))
  })
  t.equal((await call()).body, '0')
  t.equal((await call()).body, '1')
  t.equal(upstream.sockets.length, 2)
})

t.test('an idempotent request that met a closing keep-alive connection is sent once more, alone', async (t) => {
  const stale: Answer = (_text, socket, { connection, requests }) => {
    if (connection === 0 && requests === 1) socket.destroy()
    else socket.write(whole(`${connection}`))
  }
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    const { upstream, call } = await bridge(t, stale)
    await call()
    const sink = await call({ method })
    t.equal(sink.status, 200, method)
    t.equal(upstream.sockets.length, 2, method)
  }
  for (const ask of [{ method: 'POST' }, { method: 'PATCH' }, { method: 'POST', body: Buffer.from('x') }]) {
    const { upstream, call } = await bridge(t, stale)
    await call()
    const sink = await call(ask)
    t.equal((await sink.ended)?.code, 'UPSTREAM_UNREACHABLE', JSON.stringify(ask))
    t.equal(upstream.sockets.length, 1)
  }
})

t.test('a request is repeated once at most, and not after a byte of an answer', async (t) => {
  const always: Answer = (text, socket, { requests }) => {
    if (!text.endsWith('\r\n\r\n')) return
    if (requests === 0 && socket.bytesWritten === 0 && text.startsWith('GET /first')) socket.write(whole('1'))
    else socket.destroy()
  }
  const twice = await bridge(t, always)
  await twice.call({ path: '/first' })
  t.equal((await (await twice.call()).ended)?.code, 'UPSTREAM_UNREACHABLE')
  t.equal(twice.upstream.sockets.length, 2)

  const begun = await bridge(t, (text, socket, { requests }) => {
    if (!text.endsWith('\r\n\r\n')) return
    if (requests === 0) socket.write(whole('1'))
    else socket.end('HTTP/1.1 2')
  })
  await begun.call()
  t.ok(await (await begun.call()).ended)
  t.equal(begun.upstream.sockets.length, 1)
})

t.test('a client that leaves frees the upstream at once, before and after the head', async (t) => {
  const silent = await bridge(t, () => {})
  const sink = new FakeSink()
  const call = silent.source()
  call.start(sink)
  await silent.upstream.said(0, hasHead)
  const closed = once(silent.upstream.sockets[0]!, 'close')
  call.stop(fault('CLIENT_CLOSED'))
  call.stop(fault('CLIENT_CLOSED'))
  await closed
  t.ok(sink.open, 'nothing was said to a sink that core had closed')

  const talking = await bridge(t, always('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'))
  const second = new FakeSink()
  const source = talking.source()
  second.onChunk = () => source.stop(fault('CLIENT_CLOSED'))
  source.start(second)
  await talking.upstream.said(0, hasHead)
  await once(talking.upstream.sockets[0]!, 'close')
  t.ok(second.open)
})

t.test(
  'a client that leaves before there is a connection sends nothing, and costs no connection of others',
  async (t) => {
    const { upstream, source, call } = await bridge(t, always(whole('ok')))
    const body = new Readable({ read() {} })
    const gone = source({ method: 'POST', body })
    gone.start(new FakeSink())
    gone.stop(fault('CLIENT_CLOSED'))
    t.ok(body.destroyed)
    t.equal((await call()).body, 'ok')
    t.notMatch(upstream.heard.join(''), 'POST')
  },
)

t.test('an upload that breaks off is the client’s failure, and the upstream hears no end of it', async (t) => {
  const { upstream, source } = await bridge(t, () => {})
  const body = new Readable({ read() {} })
  const sink = new FakeSink()
  source({ method: 'POST', body }).start(sink)
  body.push('abc')
  await upstream.said(0, (text) => text.includes('abc'))
  const closed = once(upstream.sockets[0]!, 'close')
  body.destroy(fault('CLIENT_CLOSED'))
  t.equal((await sink.ended)?.code, 'CLIENT_CLOSED')
  await closed
  t.notMatch(upstream.heard[0], '0\r\n\r\n')
})

t.test('an upstream that fails lets go of the upload', async (t) => {
  const { source } = await bridge(t, (_text, socket) => socket.destroy())
  const body = new Readable({ read() {} })
  const sink = new FakeSink()
  source({ method: 'POST', body }).start(sink)
  body.push('abc')
  t.equal((await sink.ended)?.code, 'UPSTREAM_UNREACHABLE')
  t.ok(body.destroyed)
})

t.test('an answer before the end of an upload is an answer', async (t) => {
  const { source } = await bridge(t, always('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'))
  const body = new Readable({ read() {} })
  const sink = new FakeSink()
  source({ method: 'POST', body }).start(sink)
  body.push('abc')
  t.equal(await sink.ended, undefined)
  t.same([sink.status, sink.body], [413, 'no'])
})

t.test('a slow client slows the upstream', async (t) => {
  const size = 32 * 1024 * 1024
  let sent = 0
  const { source } = await bridge(t, (_text, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    const piece = Buffer.alloc(64 * 1024)
    const push = () => {
      while (sent < size) {
        sent += piece.length
        if (!socket.write(piece)) return void socket.once('drain', push)
      }
    }
    push()
  })
  const sink = new FakeSink()
  const first = new Promise<void>((resolve) => {
    sink.onChunk = () => {
      sink.full = true
      sink.onChunk = () => {}
      resolve()
    }
  })
  const call = source()
  call.start(sink)
  await first
  const held = sink.chunks.length
  await turn()
  await turn()
  t.ok(sink.chunks.length <= held + 1, 'nothing more came')
  sink.full = false
  call.room()
  await sink.ended
  t.equal(
    sink.chunks.reduce((n, c) => n + c.length, 0),
    size,
  )
})

t.test('there is a place for so many requests, and no queue behind them', async (t) => {
  const { upstream, source, refused } = await bridge(t, () => {}, { timeout: 300, max_in_flight: 8 })
  const sinks: FakeSink[] = []
  for (let i = 0; i < 8; i++) {
    const sink = new FakeSink()
    source().start(sink)
    sinks.push(sink)
  }
  t.match(refused(), { status: 503, code: 'OVERLOADED', extra: { reason: 'max_in_flight', retryAfter: 1 } })
  const codes = await Promise.all(sinks.map(async (sink) => (await sink.ended)?.code))
  t.same(new Set(codes), new Set(['UPSTREAM_TIMEOUT']))
  t.equal(upstream.sockets.length, 8)
  t.doesNotThrow(() => source(), 'room again')
})
