import type { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import https from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls'
import t from 'tap'
import { startBascule, type TestLike } from '../kit/bascule.ts'
import { cert, key } from '../kit/certs.ts'
import { tlsBridge } from '../kit/tls-bridge.ts'
import { startUpstream } from '../kit/upstream.ts'

const echo = (t: TestLike) => startUpstream(t, (req, res) => res.end(JSON.stringify(req.headers)))

/** What the handshake came to; the socket is closed when the test ends. */
async function handshake(t: TestLike, url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    servername: 'localhost',
    ca: cert('ca'),
    ...options,
  })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

function get(url: string, options: https.RequestOptions = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const req = https.get(url, { ca: cert('ca'), servername: 'localhost', agent: false, ...options }, (res) => {
      let body = ''
      res.setEncoding('utf8')
      res.on('data', (piece: string) => {
        body += piece
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body }))
      res.on('error', reject)
    })
    req.on('error', reject)
  })
}

t.test('the same port speaks HTTP/2 and HTTP/1.1, as the client chooses', async (t) => {
  const bridge = await startBascule(t, tlsBridge((await echo(t)).url))
  t.match(bridge.url, /^https:/)
  const both = await handshake(t, bridge.url, { ALPNProtocols: ['h2', 'http/1.1'] })
  t.equal(both.alpnProtocol, 'h2')
  const old = await handshake(t, bridge.url, { ALPNProtocols: ['http/1.1'] })
  t.equal(old.alpnProtocol, 'http/1.1')
  const { status, body } = await get(`${bridge.url}/x`)
  t.equal(status, 200)
  t.equal(JSON.parse(body)['x-forwarded-proto'], 'https', 'the service hears how the client came')
})

t.test('TLS below min_version is refused', async (t) => {
  const files = tlsBridge((await echo(t)).url, { tls: ', min_version: TLSv1.3' })
  const bridge = await startBascule(t, files)
  await t.rejects(handshake(t, bridge.url, { maxVersion: 'TLSv1.2' }))
  t.equal((await handshake(t, bridge.url)).getProtocol(), 'TLSv1.3')
})

t.test('a connection that speaks no TLS is dropped, and the next one is served', async (t) => {
  const bridge = await startBascule(t, tlsBridge((await echo(t)).url))
  await t.rejects(fetch(bridge.url.replace('https:', 'http:')))
  t.equal((await get(bridge.url)).status, 200)
})

t.test('with client_ca only clients with a certificate of its are let in', async (t) => {
  const files = tlsBridge((await echo(t)).url, { tls: ', client_ca: "file:tls/ca.crt"' })
  const bridge = await startBascule(t, { ...files, 'tls/ca.crt': cert('ca') })
  t.equal((await get(bridge.url, { cert: cert('client'), key: key('client') })).status, 200)
  await t.rejects(get(bridge.url), 'none')
  await t.rejects(get(bridge.url, { cert: cert('stranger'), key: key('stranger') }), 'one that somebody else signed')
})

t.test('a renewed certificate is served without a restart, and what is connected stays', async (t) => {
  const bridge = await startBascule(t, tlsBridge((await echo(t)).url), { watch: true })
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const before = await handshake(t, bridge.url)
  t.equal((await get(bridge.url, { agent })).status, 200)
  const from = bridge.lines.length
  bridge.write({ 'tls/server.crt': cert('renewed'), 'tls/server.key': key('renewed') })
  await bridge.line((line) => line.msg === 'config_reloaded', from)
  const after = await handshake(t, bridge.url)
  t.equal(after.getPeerCertificate().subject.CN, 'renewed')
  before.write('GET /still HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const [piece] = (await once(before, 'data')) as [Buffer]
  t.match(piece.toString('latin1'), /^HTTP\/1\.1 200 /)
})

t.test(
  'a certificate and a key that do not belong together leave the old ones in place, and the log says where',
  async (t) => {
    const bridge = await startBascule(t, tlsBridge((await echo(t)).url), { watch: true })
    const from = bridge.lines.length
    writeFileSync(join(bridge.dir, 'tls/server.key'), key('client'))
    const { errors } = await bridge.line((line) => line.msg === 'config_rejected', from)
    t.match(
      (errors as string[])[0],
      /settings\.yaml:\d+:\d+ error server\.tls\.key is not the key of the certificate in cert/,
    )
    t.equal((await handshake(t, bridge.url)).getPeerCertificate().subject.CN, 'server')
    bridge.write({ 'tls/server.key': key('server') })
    await bridge.line((line) => line.msg === 'config_reloaded', from)
  },
)

t.test('what is wrong with a certificate is told with its place, and nothing starts', async (t) => {
  const files = tlsBridge('http://127.0.0.1:9')
  const wrong: readonly [Record<string, string>, RegExp][] = [
    [
      { 'tls/server.crt': 'no certificate' },
      /settings\.yaml:\d+:\d+ error server\.tls\.cert must be a certificate in PEM form; write file:PATH/,
    ],
    [{ 'tls/server.key': cert('server') }, /server\.tls\.key must be a private key in PEM form/],
    [{ 'tls/server.crt': '' }, /the file tls\/server\.crt is empty/],
    [
      { 'tls/server.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      /cert cannot be read as a certificate/,
    ],
    [
      { 'tls/server.key': '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n' },
      /key cannot be read as a private key/,
    ],
  ]
  for (const [change, message] of wrong) await t.rejects(startBascule(t, { ...files, ...change }), { message })
  const { 'tls/server.key': _, ...rest } = files
  await t.rejects(startBascule(t, rest), {
    message: /settings\.yaml:\d+:\d+ error the file tls\/server\.key .*does not exist/,
  })
})

t.test('public_url may not be http where TLS is served', async (t) => {
  const files = tlsBridge('http://127.0.0.1:9')
  const settings = files['settings.yaml']!.replace('port: 0,', 'port: 0, public_url: "http://localhost:8080",')
  await t.rejects(startBascule(t, { ...files, 'settings.yaml': settings }), {
    message: /settings\.yaml:\d+:\d+ error server\.public_url is plain http, but server\.tls serves https/,
  })
})

t.test('an answer that breaks off is a reset connection, not an end', async (t) => {
  const service = await startUpstream(t, (_req, res) => {
    res.write('half')
    setImmediate(() => res.destroy())
  })
  const bridge = await startBascule(t, tlsBridge(service.url))
  await t.rejects(get(bridge.url))
})

t.test('a shutdown does not wait for a handshake that never comes', async (t) => {
  const bridge = await startBascule(t, tlsBridge('http://127.0.0.1:9'))
  const silent = connect(Number(new URL(bridge.url).port), '127.0.0.1')
  t.teardown(() => silent.destroy())
  await once(silent, 'connect')
  const closed = once(silent, 'close')
  await bridge.stop()
  await closed
})

t.test('trailers go to a client of HTTP/1.1 that says it takes them, and to no other', async (t) => {
  const service = await startUpstream(t, (_req, res) => {
    res.writeHead(200, { Trailer: 'X-Sum' }).write('body')
    res.addTrailers({ 'X-Sum': '42' })
    res.end()
  })
  const bridge = await startBascule(t, tlsBridge(service.url))
  for (const [fields, want] of [
    ['TE: trailers\r\nConnection: TE\r\n', true],
    ['', false],
    ['TE: gzip\r\n', false],
  ] as const) {
    const socket = await handshake(t, bridge.url, { ALPNProtocols: ['http/1.1'] })
    socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`)
    let text = ''
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1')
    })
    while (!/\r\n0\r\n(?:X-Sum.*\r\n)?\r\n$/i.test(text)) await once(socket, 'data')
    t.equal(/X-Sum: 42\r\n\r\n$/.test(text), want)
  }
})
