// Sockets over TLS, on both sides of the bridge.
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocketServer } from 'ws'
import { startBascule } from '../kit/bascule.ts'
import { cert, key } from '../kit/certs.ts'
import { tlsBridge } from '../kit/tls-bridge.ts'
import { openSocket } from '../kit/websocket.ts'

t.test('wss in and wss out, closed with 1001 by a stop', async (t) => {
  const server = https.createServer({ cert: cert('service'), key: key('service') })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('message', (data) => socket.send(data))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const files = tlsBridge(`https://127.0.0.1:${port}`, {
    service: ', tls: { ca: "file:tls/ca.crt", server_name: service.internal }',
    route: ', websocket: true',
  })
  const bascule = await startBascule(t, { ...files, 'tls/ca.crt': cert('ca') })
  const { socket, message, closed } = await openSocket(t, `${bascule.url}/live`, {
    ca: cert('ca'),
  })
  socket.send('x'.repeat(200_000))
  t.equal((await message()).length, 200_000)
  await bascule.stop()
  t.equal((await closed).code, 1001)
})
