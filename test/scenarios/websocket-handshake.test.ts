// Opening handshakes byte for byte: which are none, what reaches the service, and which of its answers are an upgrade.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type RunningBascule, startBascule } from '../kit/bascule.ts'
import { settings } from '../kit/default-profile.ts'
import { rawClient } from '../kit/raw-client.ts'
import { rawUpstream, whole } from '../kit/raw-upstream.ts'
import { handshake, sampleAccept, sampleKey, socketFiles, switching } from '../kit/websocket.ts'

type Script = (text: string, socket: Socket) => void

const accept: Script = (text, socket) => {
  if (text.endsWith('\r\n\r\n')) socket.write([...switching, '', ''].join('\r\n'))
}

async function start(t: Test, script: Script = accept) {
  const upstream = await rawUpstream(script)
  t.teardown(() => upstream.close())
  return { upstream, bascule: await startBascule(t, socketFiles(upstream.url)) }
}

function ended(bascule: RunningBascule) {
  return bascule.line((line) => line.outcome !== undefined)
}

const fields = handshake('/live/x').split('\r\n')
const without = (name: string, ...more: string[]) =>
  [...fields.filter((field) => !field.startsWith(name)).slice(0, -2), ...more, '', ''].join('\r\n')

const refused: readonly [what: string, bytes: string, status: number, code: string][] = [
  ['a POST', handshake('/live/x').replace('GET', 'POST'), 400, 'BAD_REQUEST'],
  ['HTTP/1.0', handshake('/live/x').replace('HTTP/1.1', 'HTTP/1.0'), 400, 'BAD_REQUEST'],
  ['no key', without('Sec-WebSocket-Key'), 400, 'BAD_REQUEST'],
  ['a short key', without('Sec-WebSocket-Key', 'Sec-WebSocket-Key: YQ=='), 400, 'BAD_REQUEST'],
  ['two keys', handshake('/live/x', `Sec-WebSocket-Key: ${sampleKey}`), 400, 'BAD_REQUEST'],
  ['no version', without('Sec-WebSocket-Version'), 400, 'BAD_REQUEST'],
  ['another version', without('Sec-WebSocket-Version', 'Sec-WebSocket-Version: 8'), 400, 'BAD_REQUEST'],
  ['two versions', handshake('/live/x', 'Sec-WebSocket-Version: 13'), 400, 'BAD_REQUEST'],
  ['another protocol beside', without('Upgrade', 'Upgrade: websocket, h2c'), 400, 'BAD_REQUEST'],
  ['another protocol in a field beside', handshake('/live/x', 'Upgrade: h2c'), 400, 'BAD_REQUEST'],
  ['no Connection', without('Connection'), 400, 'BAD_REQUEST'],
  ['a body (CVE-2026-58055)', `${handshake('/live/x', 'Content-Length: 4')}GET `, 400, 'BAD_REQUEST'],
  ['an empty body', handshake('/live/x', 'Content-Length: 0'), 400, 'BAD_REQUEST'],
  ['a chunked body', `${handshake('/live/x', 'Transfer-Encoding: chunked')}0\r\n\r\n`, 400, 'BAD_REQUEST'],
  ['bytes behind the handshake (CVE-2025-64763)', `${handshake('/live/x')}early`, 400, 'BAD_REQUEST'],
  [
    'a request behind the handshake',
    `${handshake('/live/x')}GET /plain/x HTTP/1.1\r\nHost: a\r\n\r\n`,
    400,
    'BAD_REQUEST',
  ],
  ['two Hosts', handshake('/live/x', 'Host: b.example'), 400, 'BAD_REQUEST'],
  ['dot segments', handshake('/live/../own/x'), 400, 'BAD_TARGET'],
  ['no route', handshake('/nowhere'), 404, 'ROUTE_NOT_FOUND'],
  ['a route without websocket', handshake('/plain/x'), 501, 'NOT_IMPLEMENTED'],
  ['an endpoint', handshake('/auth/session'), 501, 'NOT_IMPLEMENTED'],
  ['no session', handshake('/own/x'), 401, 'SESSION_REQUIRED'],
  ['another origin, and no Sec-Fetch-Site', handshake('/own/x', 'Origin: https://evil.example'), 403, 'CSRF_REJECTED'],
  [
    'another origin that claims to be ours',
    handshake('/own/x', 'Origin: https://evil.example', 'Sec-Fetch-Site: same-origin'),
    403,
    'CSRF_REJECTED',
  ],
  ['an opaque origin', handshake('/own/x', 'Origin: null'), 403, 'CSRF_REJECTED'],
  ['a page of another site', handshake('/own/x', 'Sec-Fetch-Site: cross-site'), 403, 'CSRF_REJECTED'],
]

t.test(
  'a handshake that is none is an answer, a closed connection and a line; the service hears nothing',
  async (t) => {
    const { upstream, bascule } = await start(t)
    for (const [what, bytes, status, code] of refused) {
      const from = bascule.lines.length
      const client = rawClient(t, bascule.url)
      client.send(bytes)
      const [answer] = await client.answers(1)
      t.equal(answer?.status, status, what)
      t.equal(answer?.headers.get('connection'), 'close', what)
      client.socket.end()
      t.equal(await client.ended, 'fin', what)
      t.match(
        await bascule.line((line) => line.outcome !== undefined, from),
        { outcome: 'rejected', status, code },
        what,
      )
      if (/version|key/.test(what)) t.equal(answer?.headers.get('sec-websocket-version'), '13', what)
    }
    t.equal(upstream.heard.join(''), '')
  },
)

t.test(
  'what reaches the service is cleaned as any request is, and its Sec-WebSocket fields are the client’s',
  async (t) => {
    const { upstream, bascule } = await start(t)
    const client = rawClient(t, bascule.url)
    client.send(
      handshake(
        '/live/x?q=%2F',
        'Connection: X-Secret, Sec-WebSocket-Protocol',
        'X-Secret: nominated',
        'Sec-WebSocket-Protocol: chat',
        'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
        'Cookie: bff_session=stolen; other=1',
        'X-Original-User: admin',
        'X_Original_User: admin',
        'X-Forwarded-For: 6.6.6.6',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'Origin: https://anywhere.example',
      ),
    )
    await client.until((text) => text.includes('\r\n\r\n'))
    const sent = upstream.heard[0]!
    t.match(sent, /^GET \/x\?q=%2F HTTP\/1\.1\r\n/)
    t.match(sent, /^sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r$/im)
    t.match(sent, /^sec-websocket-version: 13\r$/im)
    t.match(sent, /^sec-websocket-extensions: permessage-deflate; client_max_window_bits\r$/im)
    t.match(sent, /^origin: https:\/\/anywhere\.example\r$/im)
    t.equal(
      sent
        .match(/^connection:.*$/gim)
        ?.join()
        .trim()
        .toLowerCase(),
      'connection: upgrade',
    )
    t.equal(
      sent
        .match(/^upgrade:.*$/gim)
        ?.join()
        .trim()
        .toLowerCase(),
      'upgrade: websocket',
    )
    t.notMatch(sent, /secret|chat|cookie|admin|6\.6\.6\.6|keep-alive/i)
  },
)

t.test('the 101 is cleaned as any answer is', async (t) => {
  const { bascule } = await start(t, (text, socket) => {
    if (!text.endsWith('\r\n\r\n')) return
    socket.write(
      [
        ...switching,
        'Connection: X-Hop',
        'X-Hop: nominated',
        'Keep-Alive: timeout=5',
        'Set-Cookie: bff_session=planted',
        'Set-Cookie: theirs=1',
        'Sec-WebSocket-Protocol: chat',
        '',
        'first bytes',
      ].join('\r\n'),
    )
  })
  const client = rawClient(t, bascule.url)
  client.send(handshake('/live/x'))
  const text = await client.until((each) => each.endsWith('first bytes'))
  t.equal(text.split('\r\n')[0], 'HTTP/1.1 101 Switching Protocols')
  t.match(text, /^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/m)
  t.match(text, /^Sec-WebSocket-Protocol: chat\r$/m)
  t.match(text, /^Set-Cookie: theirs=1\r$/m)
  t.notMatch(text, /planted|x-hop|keep-alive|content-length|transfer-encoding/i)
})

t.test('a 101 that does not belong to the handshake is 502, and its bytes go nowhere', async (t) => {
  const head = (accepted: string, upgrade = 'websocket') =>
    `HTTP/1.1 101 X\r\nUpgrade: ${upgrade}\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accepted}\r\n`
  const wrong: readonly [what: string, head: string][] = [
    ['another accept', head('AAAAAAAAAAAAAAAAAAAAAAAAAAA=')],
    ['two accepts', `${head(sampleAccept)}Sec-WebSocket-Accept: ${sampleAccept}\r\n`],
    ['no accept', 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'],
    ['another protocol', head(sampleAccept, 'h2c')],
    ['no Upgrade', `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${sampleAccept}\r\n`],
    ['no Connection', `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${sampleAccept}\r\n`],
  ]
  for (const [what, bytes] of wrong) {
    const { upstream, bascule } = await start(t, (text, socket) => {
      if (text.endsWith('\r\n\r\n')) socket.write(`${bytes}\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen`)
    })
    const client = rawClient(t, bascule.url)
    client.send(handshake('/live/x'))
    const [answer] = await client.answers(1)
    t.equal(answer?.status, 502, what)
    t.equal(JSON.parse(answer?.body ?? '{}').code, 'UPSTREAM_PROTOCOL_ERROR', what)
    client.socket.end()
    await client.ended
    t.notMatch(client.text, /stolen|HTTP\/1.1 101/, what)
    t.equal(upstream.heard.join('').match(/^GET /gm)?.length, 1, what)
  }
})

t.test('a service that refuses is passed on as it is, and nothing of the client reaches it afterwards', async (t) => {
  for (const status of [200, 301, 401, 403, 426, 503]) {
    const { upstream, bascule } = await start(t, (text, socket) => {
      if (text.endsWith('\r\n\r\n')) socket.write(whole('not for you').replace('200 OK', `${status} X`))
    })
    const client = rawClient(t, bascule.url)
    client.send(handshake('/live/x'))
    const [answer] = await client.answers(1)
    t.match(answer, { status, body: 'not for you' })
    client.send('GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
    client.socket.end()
    await client.ended
    t.equal(upstream.heard.join('').match(/HTTP\/1\.1\r\n/g)?.length, 1)
    t.match(await ended(bascule), { outcome: 'completed', status })
  }
})

t.test('bytes that come while the service thinks end the request, and never reach it (CVE-2025-64763)', async (t) => {
  const { upstream, bascule } = await start(t, () => {})
  const client = rawClient(t, bascule.url)
  client.send(handshake('/live/x'))
  await upstream.said(0, (text) => text.endsWith('\r\n\r\n'))
  client.send('too early')
  t.equal((await client.answers(1))[0]?.status, 400)
  t.match(await ended(bascule), { outcome: 'rejected', code: 'BAD_REQUEST' })
  t.notMatch(upstream.heard[0], /early/)
})

t.test('a client that leaves while the service thinks is an abort, and the service is let go', async (t) => {
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    const { upstream, bascule } = await start(t, () => {})
    const client = rawClient(t, bascule.url)
    client.send(handshake('/live/x'))
    await upstream.said(0, (text) => text.endsWith('\r\n\r\n'))
    const closed = new Promise((resolve) => upstream.sockets[0]!.once('close', resolve))
    client.socket[leave]()
    await closed
    t.match(await ended(bascule), { outcome: 'aborted', status: null, code: 'CLIENT_CLOSED' })
  }
})

t.test('a handshake behind a request that is not answered is believed no more than that request', async (t) => {
  const { upstream, bascule } = await start(t, () => {})
  const client = rawClient(t, bascule.url)
  client.send(`GET /plain/first HTTP/1.1\r\nHost: a\r\n\r\n${handshake('/live/x')}`)
  t.equal((await client.answers(1))[0]?.status, 400)
  client.socket.end()
  await client.ended
  t.equal(client.text.match(/^HTTP\/1\.1/gm)?.length, 1)
  t.notMatch(upstream.heard.join(''), /sec-websocket/i)
})

t.test('a handshake on a connection that was used before is one as well', async (t) => {
  const { bascule } = await start(t, (text, socket) => {
    if (text.includes('/first') && !/sec-websocket/i.test(text)) socket.write(whole('fine'))
    else if (/sec-websocket/i.test(text) && text.endsWith('\r\n\r\n'))
      socket.write([...switching, '', 'hello'].join('\r\n'))
  })
  const client = rawClient(t, bascule.url)
  client.send('GET /plain/first HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.answers(1)
  client.send(handshake('/live/x'))
  t.match(await client.until((text) => text.endsWith('hello')), /101 Switching Protocols/)
})

t.test('an offer of another protocol is an ordinary request, with its body', async (t) => {
  const { upstream, bascule } = await start(t, (text, socket) => {
    if (text.endsWith('abc')) socket.write(whole('fine'))
  })
  const client = rawClient(t, bascule.url)
  client.send(
    'POST /live/x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\nContent-Length: 3\r\n\r\nabc',
  )
  t.match((await client.answers(1))[0], { status: 200, body: 'fine' })
  t.notMatch(upstream.heard[0], /h2c|http2-settings|^upgrade/im)
})

t.test('behind the 101 every byte passes as it is, both ways, and hints before it do not', async (t) => {
  const { upstream, bascule } = await start(t, (text, socket) => {
    if (!text.endsWith('\r\n\r\n') || text.indexOf('\r\n\r\n') + 4 !== text.length) return
    socket.write(['HTTP/1.1 103 Early Hints', 'Link: </a.css>', '', ...switching, '', ''].join('\r\n'))
  })
  const client = rawClient(t, bascule.url)
  client.send(handshake('/live/x'))
  const head = await client.until((text) => text.includes('\r\n\r\n'))
  t.match(head, /^HTTP\/1\.1 101 /)
  const bytes = randomBytes(1024 * 1024).toString('latin1')
  client.send(bytes)
  const heard = await upstream.said(0, (text) => text.length >= text.indexOf('\r\n\r\n') + 4 + bytes.length)
  t.ok(heard.endsWith(bytes), 'to the service')
  upstream.sockets[0]!.write(bytes, 'latin1')
  t.ok((await client.until((text) => text.length >= head.length + bytes.length)).endsWith(bytes), 'to the client')
})

t.test('a client that has said its last still hears what the service has to say', async (t) => {
  const { upstream, bascule } = await start(t)
  const client = rawClient(t, bascule.url)
  client.send(handshake('/live/x'))
  await client.until((text) => text.endsWith('\r\n\r\n'))
  upstream.sockets[0]!.allowHalfOpen = true
  const ended = once(upstream.sockets[0]!, 'end')
  client.socket.end()
  await ended
  upstream.sockets[0]!.end('and goodbye')
  t.equal(await client.ended, 'fin')
  t.ok(client.text.endsWith('and goodbye'))
})

t.test('who takes nothing for send_idle is cut off, and the service with it', async (t) => {
  const upstream = await rawUpstream(accept)
  t.teardown(() => upstream.close())
  const files = socketFiles(upstream.url)
  const idle = settings('server: { timeouts: { send_idle: 500ms } }')
  const bascule = await startBascule(t, { ...files, 'settings.yaml': idle })
  const client = rawClient(t, bascule.url)
  client.send(handshake('/live/x'))
  await client.until((text) => text.endsWith('\r\n\r\n'))
  client.socket.pause()
  const far = upstream.sockets[0]!
  const closed = new Promise((resolve) => far.once('close', resolve))
  const piece = Buffer.alloc(1024 * 1024)
  for (let i = 0; i < 50; i++) far.write(piece)
  await closed
  t.match(await ended(bascule), { outcome: 'upgraded', code: 'CLIENT_CLOSED' })
})
