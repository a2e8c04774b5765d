// WebSocket through the default profile, with a real library at both ends, and byte for byte: what passes, and what is refused.
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import { type RunningBascule, startBascule } from '../kit/bascule.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { rawClient } from '../kit/raw-client.ts'
import { rawUpstream } from '../kit/raw-upstream.ts'
import { handshake, openSocket, sampleKey, startSocketService, switching } from '../kit/websocket.ts'

function routes(url: string): string {
  return `
services: { api: { base_url: "${url}", timeout: 5s } }
routes:
  - { id: live, path: "/live/*", target_service: api, upstream_path: "/{path}", auth: none, websocket: true }
  - { id: plain, path: "/plain/*", target_service: api, upstream_path: "/{path}", auth: none }
  - { id: own, path: "/own/*", target_service: api, upstream_path: "/{path}", websocket: true }
`
}

function files(url: string) {
  return {
    'settings.yaml': settings(),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': routes(url),
  }
}

async function start(t: Test, serve?: (socket: WebSocket) => void) {
  const service = await startSocketService(t, serve)
  return { service, bascule: await startBascule(t, files(service.url)) }
}

async function startRaw(t: Test, script: (text: string, socket: Socket) => void) {
  const upstream = await rawUpstream(script)
  t.teardown(() => upstream.close())
  return { upstream, bascule: await startBascule(t, files(upstream.url)) }
}

/** The access line of the only request. */
function line(bascule: RunningBascule) {
  return bascule.logged((each) => each.outcome !== undefined)
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
  t.match(service.handshakes[0]?.headers, { 'x-correlation-id': String, 'x-forwarded-for': '127.0.0.1' })
})
