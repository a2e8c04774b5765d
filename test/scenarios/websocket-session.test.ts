// Sockets of signed-in users, through a real login: they carry the service's token, and end with their session.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import { type LiveBridge, startLiveBridge } from '../kit/live-bridge.ts'
import { type LoggedIn, loginByFetch } from '../kit/login.ts'
import { rawClient } from '../kit/raw-client.ts'
import { handshake, openSocket } from '../kit/websocket.ts'

const shared = startLiveBridge(t)

function connect(t: Test, { origin }: LiveBridge, { cookie }: LoggedIn, path = '/live/x') {
  return openSocket(t, origin + path, { headers: { cookie }, origin })
}

async function signOut({ origin }: LiveBridge, user: LoggedIn): Promise<void> {
  const answer = await user.fetch('/auth/logout', { method: 'POST', headers: { origin } })
  t.equal(answer.status, 200)
  await answer.body?.cancel()
}

t.test('a socket carries the token of its service, and neither cookie nor token of the browser', async (t) => {
  const bridge = await shared
  const user = await loginByFetch(bridge.origin)
  const { socket } = await connect(t, bridge, user)
  t.match(bridge.service.handshakes[0]?.headers, { authorization: /^Bearer /, 'x-original-user': /ada/ })
  t.notOk(bridge.service.handshakes[0]?.headers.cookie)
  socket.close(1000)
  const line = await bridge.bascule.line((each) => each.outcome === 'upgraded')
  t.match(line, { msg: 'token_found=True service=crud_service', session: String, status: 101 })
})

t.test('signing out closes the sockets of that session with 4401, and no others', async (t) => {
  const bridge = await shared
  const ada = await loginByFetch(bridge.origin)
  const bob = await loginByFetch(bridge.origin, { user: 'bob' })
  const accepted = bridge.service.next()
  const mine = await Promise.all([connect(t, bridge, ada), connect(t, bridge, ada)])
  const his = await connect(t, bridge, bob)
  const public_ = await openSocket(t, `${bridge.origin}/open/x`)
  const far = await accepted
  const heard = once(far, 'close') as Promise<[number]>

  const from = performance.now()
  const lines = bridge.bascule.lines.length
  await signOut(bridge, ada)
  for (const { closed } of mine) t.same(await closed, { code: 4401, reason: 'the session ended' })
  t.ok(performance.now() - from < 5_000)
  t.equal((await heard)[0], 4401, 'the service hears it, too')
  const line = await bridge.bascule.line((each) => each.outcome === 'upgraded', lines)
  t.match(line, { code: 'SESSION_REQUIRED', status: 101 })

  for (const { socket, message } of [his, public_]) {
    socket.send('still here')
    t.equal(await message(), 'still here')
  }
})

t.test('a session that ends while its handshake is on the way is a 401, or a socket that is closed', async (t) => {
  const bridge = await shared
  const user = await loginByFetch(bridge.origin)
  bridge.service.sockets.options.verifyClient = (_info, done) => {
    void signOut(bridge, user).then(() => done(true))
  }
  t.teardown(() => {
    bridge.service.sockets.options.verifyClient = undefined
  })
  await t.rejects(connect(t, bridge, user), /answered 401|hang up|ECONNRESET/)
})

t.test(
  'over a reload that concerns other services a socket stays, and stays bound; its own audience touches it',
  async (t) => {
    const bridge = await startLiveBridge(t)
    const user = await loginByFetch(bridge.origin)
    const file = (name: string) => readFileSync(join(bridge.bascule.dir, name), 'utf8')
    const services = file('routes.yaml').replace(
      'services: {',
      `services: { other: { base_url: "${bridge.service.url}" },`,
    )
    const withOther = file('settings.yaml').replace(
      'service_audiences: {',
      'service_audiences: { other: "https://o.example",',
    )
    const stays = await connect(t, bridge, user)
    t.ok(await bridge.bascule.reload({ 'routes.yaml': services, 'settings.yaml': withOther }))
    stays.socket.send('still here')
    t.equal(await stays.message(), 'still here')
    await signOut(bridge, user)
    t.equal((await stays.closed).code, 4401)

    const again = await connect(t, bridge, await loginByFetch(bridge.origin))
    const changed = withOther.replace(/(crud_service: )"https:[^"]*"/, '$1"https://changed.example"')
    t.not(changed, withOther)
    t.ok(await bridge.bascule.reload({ 'settings.yaml': changed }))
    t.equal((await again.closed).code, 1012)
  },
)

t.test('the absolute end of a session closes its sockets', async (t) => {
  const bridge = await startLiveBridge(t, { settings: 'session: { idle_timeout: 2s, absolute_timeout: 2s }' })
  const user = await loginByFetch(bridge.origin)
  const { closed } = await connect(t, bridge, user)
  t.equal((await closed).code, 4401)
})

t.test('what the client sends keeps its session in use; pongs do not', async (t) => {
  const bridge = await startLiveBridge(t, { settings: 'session: { idle_timeout: 2s }' })
  const ada = await loginByFetch(bridge.origin)
  const bob = await loginByFetch(bridge.origin, { user: 'bob' })
  const busy = await connect(t, bridge, ada)
  const idle = await connect(t, bridge, bob)
  const talk = setInterval(() => busy.socket.send('here'), 100)
  const knock = setInterval(() => {
    for (const each of bridge.service.sockets.clients) each.ping()
  }, 100)
  t.teardown(() => {
    clearInterval(talk)
    clearInterval(knock)
  })
  t.equal((await idle.closed).code, 4401)
  t.equal(busy.socket.readyState, busy.socket.OPEN)
})

t.test('a grant that is revoked ends the sockets that are used, once their token has run out', async (t) => {
  const bridge = await startLiveBridge(t, { accessTokenTtl: 2 })
  const user = await loginByFetch(bridge.origin)
  const { socket, closed } = await connect(t, bridge, user)
  bridge.idp.intercept = (req, res) => {
    if (req.url !== '/token') return false
    res.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}')
    return true
  }
  const talk = setInterval(() => socket.send('here'), 100)
  t.teardown(() => clearInterval(talk))
  t.equal((await closed).code, 4401)
})

/** The bytes of the service's end; the library behind it hears nothing more, and so answers nothing. */
async function rawEnd(accepted: Promise<WebSocket>): Promise<Writable> {
  const socket = await accepted
  socket.pause()
  return (socket as unknown as { readonly _socket: Writable })._socket
}

t.test('a close frame of ours stands between two frames, also where one is half through', async (t) => {
  const bridge = await shared
  const user = await loginByFetch(bridge.origin)
  const accepted = bridge.service.next()
  const client = rawClient(t, bridge.origin.replace('localhost', '127.0.0.1'))
  client.send(handshake('/live/x', `Cookie: ${user.cookie}`).replace('app.example', new URL(bridge.origin).host))
  await client.until((text) => text.includes('\r\n\r\n'))
  const far = await rawEnd(accepted)
  far.write(Buffer.from([0x82, 0x05, 0x61, 0x62]))
  await client.until((text) => text.endsWith('ab'))
  const out = signOut(bridge, user)
  await out
  far.write(Buffer.from('cde'))
  const text = await client.until((each) => each.includes('the session ended'))
  const frames = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1')
  const reason = 'the session ended'
  const close = Buffer.concat([Buffer.from([0x88, 2 + reason.length, 4401 >> 8, 4401 & 0xff]), Buffer.from(reason)])
  t.same(frames, Buffer.concat([Buffer.from([0x82, 0x05]), Buffer.from('abcde'), close]))
  client.send(Buffer.from([0x88, 0x80, 0, 0, 0, 0]))
  t.equal(await client.ended, 'fin')
})

t.test('whoever does not take the close frame is cut off', async (t) => {
  const bridge = await shared
  const user = await loginByFetch(bridge.origin)
  const accepted = bridge.service.next()
  const client = rawClient(t, bridge.origin.replace('localhost', '127.0.0.1'))
  client.send(handshake('/live/x', `Cookie: ${user.cookie}`).replace('app.example', new URL(bridge.origin).host))
  await client.until((text) => text.includes('\r\n\r\n'))
  const far = await rawEnd(accepted)
  far.write(Buffer.from([0x82, 0x05, 0x61]))
  await client.until((text) => text.endsWith('a'))
  await signOut(bridge, user)
  t.equal(await client.ended, 'reset', 'no frame of ours fits in')
  t.notMatch(client.text, /session ended/)
})

t.test('many sockets and a logout in the middle: each ends as its session does', async (t) => {
  const bridge = await shared
  const users = [await loginByFetch(bridge.origin), await loginByFetch(bridge.origin, { user: 'bob' })]
  const sockets = await Promise.all(Array.from({ length: 100 }, (_, i) => connect(t, bridge, users[i % 2]!)))
  await signOut(bridge, users[0]!)
  const ended = await Promise.all(sockets.filter((_, i) => i % 2 === 0).map(({ closed }) => closed))
  t.same(new Set(ended.map(({ code }) => code)), new Set([4401]))
  for (const { socket } of sockets.filter((_, i) => i % 2 === 1)) t.equal(socket.readyState, socket.OPEN)
})
