// WebSocket through the default profile, with a real library at both ends: what passes, and how it ends.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import { type RunningBascule, startBascule } from '../kit/bascule.ts'
import { profile } from '../kit/default-profile.ts'
import { openSocket, socketFiles, startSocketService } from '../kit/websocket.ts'

async function start(t: Test, serve?: (socket: WebSocket) => void) {
  const service = await startSocketService(t, serve)
  return { service, bascule: await startBascule(t, socketFiles(service.url)) }
}

function ended(bascule: RunningBascule) {
  return bascule.line((line) => line.outcome !== undefined)
}

t.test('messages of every kind and size pass both ways, unchanged', async (t) => {
  const { service, bascule } = await start(t)
  const { socket } = await openSocket(t, `${bascule.url}/live/echo?x=1`, { perMessageDeflate: false })
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 3 * 1024 * 1024]) {
    const sent = randomBytes(size)
    const back = new Promise<Buffer>((resolve) => socket.once('message', (data) => resolve(data as Buffer)))
    socket.send(sent)
    t.ok((await back).equals(sent), `${size} bytes`)
  }
  t.equal(service.handshakes[0]?.url, '/echo?x=1')
  t.match(service.handshakes[0]?.headers, { 'x-correlation-id': String, forwarded: /for=127\.0\.0\.1/ })
})

t.test('fragments, compression, subprotocols, pings and pongs are the two sides’ own', async (t) => {
  const { service, bascule } = await start(t)
  const accepted = service.next()
  const { socket, message } = await openSocket(t, `${bascule.url}/live/x`, {
    perMessageDeflate: { threshold: 0 },
    protocols: ['chat.v1'],
  })
  const far = await accepted
  t.equal(socket.protocol, 'chat.v1')
  t.match(socket.extensions, /permessage-deflate/)
  t.equal(far.extensions, socket.extensions)

  socket.send('one ', { fin: false })
  socket.send('two ', { fin: false })
  socket.ping('are you there')
  socket.send('three', { fin: true })
  t.equal(String((await once(socket, 'pong'))[0]), 'are you there')
  t.equal(await message(), 'one two three')

  far.ping('and you')
  t.equal(String((await once(far, 'pong'))[0]), 'and you')
})

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4999]) {
  t.test(`the close code ${code} and its reason pass`, async (t) => {
    const { service, bascule } = await start(t)
    const accepted = service.next()
    const near = await openSocket(t, `${bascule.url}/live/x`)
    const far = await accepted
    const heard = once(far, 'close') as Promise<[number, Buffer]>
    if (code % 2 === 0) near.socket.close(code, 'that was it')
    else far.close(code, 'that was it')
    t.same(await near.closed, { code, reason: 'that was it' })
    const [farCode, farReason] = await heard
    t.same([farCode, farReason.toString()], [code, 'that was it'])
    t.match(await ended(bascule), { outcome: 'upgraded', status: 101, code: 'OK', stage: 'forward' })
  })
}

t.test('a side that breaks off breaks the other off, and the line says which', async (t) => {
  for (const [who, code] of [
    ['client', 'CLIENT_CLOSED'],
    ['service', 'UPSTREAM_UNREACHABLE'],
  ] as const) {
    const { service, bascule } = await start(t)
    const accepted = service.next()
    const near = await openSocket(t, `${bascule.url}/live/x`)
    const far = await accepted
    const gone = once(far, 'close') as Promise<[number]>
    const torn = who === 'client' ? near.socket : far
    ;(torn as unknown as { _socket: { resetAndDestroy(): void } })._socket.resetAndDestroy()
    t.equal((await gone)[0], 1006)
    t.equal((await near.closed).code, 1006)
    t.match(await ended(bascule), { outcome: 'upgraded', status: 101, code })
  }
})

t.test('one access line for a socket, at its end, with the bytes of both directions', async (t) => {
  const { bascule } = await start(t)
  const { socket, message, closed } = await openSocket(t, `${bascule.url}/live/x`, { perMessageDeflate: false })
  socket.send('x'.repeat(100))
  await message()
  t.equal(bascule.lines.filter((line) => line.outcome !== undefined).length, 0)
  socket.close(1000)
  await closed
  // 2 bytes of header, 4 of mask; a close frame carries two bytes
  t.match(await ended(bascule), { bytes_in: 106 + 8, bytes_out: 102 + 4, route: 'live', path: '/live/x' })
})

t.test('a reader that does not read holds up the writer, and memory stays flat', async (t) => {
  const { service, bascule } = await start(t, () => {})
  const accepted = service.next()
  const { socket } = await openSocket(t, `${bascule.url}/live/x`, { perMessageDeflate: false })
  const far = await accepted
  socket.pause()
  const piece = Buffer.alloc(256 * 1024)
  for (let i = 0; i < 200; i++) far.send(piece)
  let received = 0
  const all = new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      received += data.length
      if (received === 200 * piece.length) resolve()
    })
  })
  // What kernels take is some MiB; the rest of the 50 has to wait where it came from.
  while (far.bufferedAmount === 0) await new Promise((resolve) => setImmediate(resolve))
  t.ok(far.bufferedAmount > 0)
  socket.resume()
  await all
  t.equal(received, 200 * piece.length)
})

t.test('a server that stops says so to every socket: 1001', async (t) => {
  const { bascule } = await start(t)
  const sockets = await Promise.all([1, 2, 3].map(() => openSocket(t, `${bascule.url}/live/x`)))
  const stopped = bascule.stop()
  for (const { closed } of sockets) t.equal((await closed).code, 1001)
  await stopped
  t.match(await ended(bascule), { outcome: 'upgraded', code: 'DRAINING' })
})

t.test('a profile with a stage that does not know of upgrades is refused on such a route', async (t) => {
  const files = socketFiles('http://127.0.0.1:9')
  const quota = `export default { name: 'quota', needs: ['route'], setup: () => () => ({ run: (x) => x.proceed() }) }`
  const starting = startBascule(t, {
    ...files,
    'quota.ts': quota,
    'profiles/audience-bridge.yaml': profile([
      'route-match',
      './quota.ts',
      'session-auth',
      'token-resolve',
      'header-inject',
      'forward',
      'log',
    ]),
  })
  await t.rejects(starting, /route live is a WebSocket route, and stage \.\/quota\.ts does not know of upgrades/)
})
