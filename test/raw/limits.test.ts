// Each limit of settings.yaml, set small: whoever goes past it is told, and nobody else notices.
import t from 'tap'
import { get, post } from '../kit/front.ts'
import { openSettings, startRawBridge } from '../kit/raw-bridge.ts'

const chunked = 'Transfer-Encoding: chunked\r\n'

t.test('CVE-2018-12121 CVE-2018-12122: a head that does not come within timeouts.headers is a 408', async (t) => {
  const bridge = await startRawBridge(t, undefined, 'timeouts: { headers: 200ms }')
  const client = bridge.send('GET /open/x HTTP/1.1\r\nHost: app')
  t.match(await client.answers(1), [{ status: 408 }])
  await client.ended
})

t.test('a wanted body that stops for timeouts.body_idle is a 408, one that moves is none', async (t) => {
  const bridge = await startRawBridge(t, undefined, 'timeouts: { body_idle: 500ms }')
  const stopped = bridge.send(post('', '/open/x', 'Content-Length: 10\r\n'))
  t.match(await stopped.answers(1), [{ status: 408 }])
  const moving = bridge.send(post('', '/open/y', 'Content-Length: 12\r\n'))
  for (let i = 0; i < 12; i++) {
    moving.send('x')
    await bridge.upstream.said(1, (text) => text.endsWith('x'.repeat(i + 1)))
  }
  t.match(await moving.answers(1), [{ status: 200 }])
})

t.test('a connection that is idle for timeouts.keep_alive is closed in order', async (t) => {
  const bridge = await startRawBridge(t, undefined, 'timeouts: { keep_alive: 200ms }')
  const { client } = await bridge.ask(get('/open/x'))
  t.equal(await client.ended, 'fin')
})

t.test('limits of size', async (t) => {
  const limits = 'limits: { headers: 2KiB, header_fields: 10, path: 100, target: 200, body: 10 }'
  const bridge = await startRawBridge(t, undefined, limits)
  const past: readonly [what: string, bytes: string, status: number][] = [
    ['headers', get('/open/x', `X-A: ${'a'.repeat(3000)}\r\n`), 431],
    ['header_fields', get('/open/x', 'X-A: 1\r\n'.repeat(10)), 431],
    ['path', get(`/open/${'a'.repeat(100)}`), 414],
    ['target', get(`/open/x?${'a'.repeat(200)}`), 414],
    ['a target that fills the head', get(`/open/x?${'a'.repeat(5000)}`), 414],
    ['body, by its length', post('x'.repeat(11), '/open/x'), 413],
    ['body, by its chunks', post('b\r\n01234567890\r\n0\r\n\r\n', '/open/x', chunked), 413],
    ['body, before it is asked for', post('', '/open/x', 'Content-Length: 11\r\nExpect: 100-continue\r\n'), 413],
  ]
  for (const [what, bytes, status] of past) {
    const { client, ...answer } = await bridge.ask(bytes)
    t.equal(answer.status, status, what)
    await client.ended
  }
  t.notMatch(bridge.upstream.heard.join(''), /\r\n0\r\n\r\n$/, 'no upstream has a whole request of these')
  const within: readonly [what: string, bytes: string][] = [
    ['header_fields', get('/open/x', 'X-A: 1\r\n'.repeat(9))],
    ['path', get(`/open/${'a'.repeat(94)}`)],
    ['target', get(`/open/x?${'a'.repeat(192)}`)],
    ['body, by its length', post('x'.repeat(10), '/open/x')],
    ['body, by its chunks', post('a\r\n0123456789\r\n0\r\n\r\n', '/open/x', chunked)],
  ]
  for (const [what, bytes] of within) {
    const { client, ...answer } = await bridge.ask(bytes)
    t.equal(answer.status, 200, what)
    client.close()
  }
})

t.test('limits of a running listener follow a reload', async (t) => {
  const bridge = await startRawBridge(t)
  t.match(await bridge.ask(get(`/open/${'a'.repeat(100)}`)), { status: 200 })
  t.ok(await bridge.bascule.reload({ 'settings.yaml': openSettings('limits: { path: 50 }') }))
  t.match(await bridge.ask(get(`/open/${'a'.repeat(100)}`)), { status: 414 })
})

t.test('beyond limits.connections a connection is closed unheard, until another one ends', async (t) => {
  const bridge = await startRawBridge(t, undefined, 'limits: { connections: 2 }')
  const [first, second] = await Promise.all([bridge.ask(get('/open/x')), bridge.ask(get('/open/x'))])
  t.match([first, second], [{ status: 200 }, { status: 200 }])
  const third = bridge.send(get('/open/x'))
  await third.ended
  t.equal(third.text, '')
  first!.client.close()
  for (;;) {
    const next = bridge.send(get('/open/x'))
    const said = await next.answers(1).catch(() => undefined)
    if (said) break
  }
  t.pass('there was room again')
})

const slow = 200

t.test(
  `CVE-2018-12122: ${slow} connections that send their heads byte by byte do not slow another client, and are all cut`,
  async (t) => {
    const bridge = await startRawBridge(t, undefined, 'timeouts: { headers: 1s }')
    const clients = Array.from({ length: slow }, () => bridge.send('GET /open/slow HTTP/1.1\r\nX-A: '))
    const cut = Promise.all(clients.map((client) => client.ended))
    const drip = setInterval(() => {
      for (const client of clients) if (client.socket.writable) client.send('a')
    }, 50)
    t.teardown(() => clearInterval(drip))
    for (let i = 0; i < 50; i++) {
      const { client, ...answer } = await bridge.ask(get('/open/x'))
      t.equal(answer.status, 200)
      client.close()
    }
    await cut
    clearInterval(drip)
    t.notMatch(bridge.upstream.heard.join(''), /slow/)
  },
)
