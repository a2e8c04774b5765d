import { once } from 'node:events'
import http2, { type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import t from 'tap'
import { startBascule, type TestLike } from '../kit/bascule.ts'
import { type CertName, cert, key } from '../kit/certs.ts'
import { profile, settings } from '../kit/default-profile.ts'

interface TlsService {
  readonly url: string
  /** The names of the clients' certificates; empty: none was shown. */
  readonly clients: string[]
}

async function tlsService(t: TestLike, name: CertName, more: https.ServerOptions = {}): Promise<TlsService> {
  const clients: string[] = []
  const server = https.createServer({ cert: cert(name), key: key(name), ...more }, (req, res) => {
    const { subject } = (req.socket as import('node:tls').TLSSocket).getPeerCertificate()
    clients.push(subject?.CN?.toString() ?? '')
    res.end('secret')
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, clients }
}

function files(baseUrl: string, service = ''): Record<string, string> {
  return {
    'settings.yaml': settings('server: { port: 0 }'),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services:
  api: { base_url: "${baseUrl}"${service} }
routes:
  - { id: api, path: "/*", target_service: api, preserve_path: true, auth: none }
`,
    'tls/ca.crt': cert('ca'),
    'tls/client.crt': cert('client'),
    'tls/client.key': key('client'),
    'tls/stranger.crt': cert('stranger'),
  }
}

async function answer(t: TestLike, baseUrl: string, service: string): Promise<string> {
  const bridge = await startBascule(t, files(baseUrl, service))
  const res = await fetch(`${bridge.url}/x`)
  return res.ok ? res.text() : ((await res.json()) as { code: string }).code
}

t.test("a service's certificate is verified, and nothing turns that off", async (t) => {
  const { url } = await tlsService(t, 'server')
  t.equal(await answer(t, url, ''), 'UPSTREAM_UNREACHABLE', 'an authority that nobody knows')
  t.equal(await answer(t, url, ', tls: { ca: "file:tls/ca.crt" }'), 'secret')
  t.equal(await answer(t, url, ', tls: { ca: "file:tls/stranger.crt" }'), 'UPSTREAM_UNREACHABLE')
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  try {
    t.equal(await answer(t, url, ''), 'UPSTREAM_UNREACHABLE', 'not even by the environment')
    t.equal(await answer(t, url, ', http2: true'), 'UPSTREAM_UNREACHABLE')
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  }
})

t.test('server_name is what the certificate must be for', async (t) => {
  const { url } = await tlsService(t, 'service')
  const ca = 'ca: "file:tls/ca.crt"'
  t.equal(await answer(t, url, `, tls: { ${ca} }`), 'UPSTREAM_UNREACHABLE')
  t.equal(await answer(t, url, `, tls: { ${ca}, server_name: service.internal }`), 'secret')
  t.equal(await answer(t, url, `, tls: { ${ca}, server_name: other.internal }`), 'UPSTREAM_UNREACHABLE')
})

t.test('a service that wants a certificate of the bridge gets it', async (t) => {
  const { url, clients } = await tlsService(t, 'server', {
    ca: cert('ca'),
    requestCert: true,
    rejectUnauthorized: true,
  })
  const ca = 'ca: "file:tls/ca.crt"'
  t.equal(await answer(t, url, `, tls: { ${ca} }`), 'UPSTREAM_UNREACHABLE')
  const shown = `, tls: { ${ca}, cert: "file:tls/client.crt", key: "file:tls/client.key" }`
  t.equal(await answer(t, url, shown), 'secret')
  t.strictSame(clients, ['client'])
})

t.test('what is wrong is told with its place, and nothing starts', async (t) => {
  const wrong: readonly [string, string, RegExp][] = [
    [
      'https://a.example',
      ', tls: { ca: "file:tls/none.crt" }',
      /routes\.yaml:3:\d+ error the file tls\/none\.crt .*does not exist/,
    ],
    ['https://a.example', ', tls: { ca: "tls/ca.crt" }', /tls\.ca must be a certificate in PEM form; write file:PATH/],
    ['https://a.example', ', tls: { verify: false }', /tls\.verify cannot be turned off; give the authority/],
    ['https://a.example', ', tls: { cert: "file:tls/client.crt" }', /tls\.cert needs its key beside it/],
    ['https://a.example', ', tls: { key: "file:tls/client.key" }', /tls\.key needs its certificate/],
    [
      'https://a.example',
      ', tls: { cert: "file:tls/ca.crt", key: "file:tls/client.key" }',
      /is not the key of the certificate/,
    ],
    ['https://a.example', ', tls: { server_name: "10.0.0.1" }', /server_name must be a host name/],
    ['http://a.example', ', tls: { ca: "file:tls/ca.crt" }', /tls is for https, and http:\/\/a\.example is not/],
  ]
  for (const [url, service, message] of wrong)
    await t.rejects(startBascule(t, files(url, service)), { message }, service)
})

t.test('a service without HTTP/2 is not spoken to as if it had it', async (t) => {
  const { url, clients } = await tlsService(t, 'server')
  t.equal(await answer(t, url, ', http2: true, tls: { ca: "file:tls/ca.crt" }'), 'UPSTREAM_UNREACHABLE')
  t.strictSame(clients, [])
})

async function http2Service(
  t: TestLike,
  answer: (stream: ServerHttp2Stream, path: string, session: ServerHttp2Session) => void,
) {
  const server = http2.createServer()
  const sessions: ServerHttp2Session[] = []
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => {})
    session.on('stream', (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
      stream.on('error', () => {})
      answer(stream, String(headers[':path']), session)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sessions }
}

t.test('an answer over HTTP/2 that breaks off is never a whole one', async (t) => {
  const { url } = await http2Service(t, (stream, path) => {
    // Held back for trailers, END_STREAM does not go out before the reset.
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.write('half', () =>
      setImmediate(() => (path === '/session' ? stream.session?.destroy() : stream.close(Number(path.slice(1))))),
    )
  })
  const bridge = await startBascule(t, files(url, ', http2: true'))
  for (const path of ['/0', '/2', '/8', '/session'])
    await t.rejects(
      fetch(bridge.url + path).then((res) => res.text()),
      path,
    )
})

t.test('a connection that says GOAWAY ends what it has, and new requests get another', async (t) => {
  let finish: (() => void) | undefined
  const { url, sessions } = await http2Service(t, (stream, path, session) => {
    stream.respond({ ':status': 200 })
    if (path !== '/slow') return void stream.end('quick')
    finish = () => stream.end('slow')
    session.close()
  })
  const bridge = await startBascule(t, files(url, ', http2: true'))
  const slow = await fetch(`${bridge.url}/slow`)
  t.equal(await (await fetch(`${bridge.url}/x`)).text(), 'quick')
  finish?.()
  t.equal(await slow.text(), 'slow')
  t.equal(sessions.length, 2)
})

t.test('a request that was not begun is sent again, whatever its method', async (t) => {
  let refused = 0
  const { url } = await http2Service(t, (stream, path) => {
    if (path === '/again' && refused++ === 0) return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)
    stream.respond({ ':status': 200 })
    stream.end('done')
  })
  const bridge = await startBascule(t, files(url, ', http2: true'))
  t.equal((await fetch(`${bridge.url}/first`)).status, 200)
  t.equal((await fetch(`${bridge.url}/again`, { method: 'DELETE' })).status, 200)
  t.equal(refused, 2)
})

t.test('an answer that was begun is not asked for again, whatever its stream was reset with', async (t) => {
  let asked = 0
  const { url } = await http2Service(t, (stream, path) => {
    // Held back for trailers, END_STREAM does not come before the reset.
    stream.respond({ ':status': 200 }, { waitForTrailers: path === '/torn' })
    if (path !== '/torn') return void stream.end('done')
    asked++
    stream.write('half', () => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM))
  })
  const bridge = await startBascule(t, files(url, ', http2: true'))
  t.equal((await fetch(`${bridge.url}/first`)).status, 200)
  await t.rejects(fetch(`${bridge.url}/torn`, { method: 'DELETE' }).then((res) => res.text()))
  t.equal(asked, 1)
})

t.test('requests share a connection, uploads too, and one whose client leaves is cancelled alone', async (t) => {
  let cancelled: (code: number | undefined) => void = () => {}
  const heard = new Promise<number | undefined>((resolve) => {
    cancelled = resolve
  })
  const { url, sessions } = await http2Service(t, (stream, path) => {
    if (path === '/leave') return void stream.on('close', () => cancelled(stream.rstCode))
    let length = 0
    stream.on('data', (piece: Uint8Array) => {
      length += piece.length
    })
    stream.on('end', () => {
      stream.respond({ ':status': 200 })
      stream.end(String(length))
    })
  })
  const bridge = await startBascule(t, files(url, ', http2: true'))
  await fetch(bridge.url)
  const leaving = new AbortController()
  const left = fetch(`${bridge.url}/leave`, { signal: leaving.signal }).catch(() => {})
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      fetch(bridge.url, { method: 'POST', body: 'x'.repeat(i * 20_000) }).then((res) => res.text()),
    ),
  )
  t.strictSame(
    all,
    Array.from({ length: 20 }, (_, i) => String(i * 20_000)),
  )
  leaving.abort()
  await left
  t.equal(await heard, http2.constants.NGHTTP2_CANCEL)
  t.equal(sessions.length, 1)
})
