// Frames that node:http2 would never send, and what they cost: a stream, a connection, nothing; and what of them reaches the service.
import { Buffer } from 'node:buffer'
import t, { type Test } from 'tap'
import { type RunningBascule, startBascule } from '../kit/bascule.ts'
import {
  ACK,
  DATA,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  type RawHttp2,
  RST_STREAM,
  rawHttp2,
  request,
  SETTINGS,
  u32,
  WINDOW_UPDATE,
} from '../kit/http2-raw.ts'
import { chosen, fine } from '../kit/raw-bridge.ts'
import { type RawUpstream, rawUpstream } from '../kit/raw-upstream.ts'
import { requestsIn } from '../kit/strict-reader.ts'
import { tlsBridge } from '../kit/tls-bridge.ts'
import { type Http2Case, http2Cases } from './http2-cases.ts'

const onDeno = 'Deno' in globalThis

interface Stand {
  readonly bridge: RunningBascule
  readonly upstream: RawUpstream
}

async function stand(t: Test, server = ''): Promise<Stand> {
  const upstream = await rawUpstream((text, socket) => {
    if (!text.startsWith('GET /silent')) fine(text, socket)
  })
  t.teardown(() => upstream.close())
  return { upstream, bridge: await startBascule(t, tlsBridge(upstream.url, { server })) }
}

const ending = ({ type, flags }: Frame) =>
  type === GOAWAY || type === RST_STREAM || ((type === HEADERS || type === DATA) && (flags & END_STREAM) !== 0)

/** How it ended, in the words of a case. */
async function fate(client: RawHttp2, { ends }: Http2Case): Promise<string> {
  const last = await client.next(ends === 'connection' ? ({ type }) => type === GOAWAY : ending)
  if (last === undefined || last.type === GOAWAY) return 'connection'
  if (last.type === RST_STREAM) return 'stream'
  const body = Buffer.concat(client.frames.filter(({ type }) => type === DATA).map(({ payload }) => payload)).toString()
  return body === 'fine' ? 'served' : JSON.parse(body).code === undefined ? body : 'refused'
}

/** Deno closes the whole connection where one stream is malformed, as RFC 9113 §5.4.2 allows. */
const alike = (said: string, ends: string) => said === ends || (onDeno && said === 'connection' && ends !== 'served')

/** What a service would act on. */
function wholeRequest(heard: string): boolean {
  try {
    return requestsIn(heard).length > 0
  } catch {
    return false
  }
}

async function hold(t: Test, { bridge, upstream }: Stand, each: Http2Case): Promise<void> {
  const { ids, what, frames, ends } = each
  const from = upstream.heard.map(({ length }) => length)
  const client = await rawHttp2(t, bridge.url)
  client.send(...frames)
  const said = await fate(client, each)
  if (said === 'stream' || said === 'refused') {
    client.send(frame(PING, 0, 0, Buffer.from('still up')))
    const goesOn = await client.next(({ type, flags }) => type === PING && flags === ACK)
    if (!goesOn) t.fail(`${ids}: ${what}: the connection goes on`)
  }
  client.socket.destroy()
  const heard = upstream.heard.map((text, i) => text.slice(from[i] ?? 0))
  t.ok(alike(said, ends), `${ids}: ${what}: ${ends}${said === ends ? '' : `, and not ${said}`}`)
  if (ends === 'served') t.equal(requestsIn(heard.join('')).length, 1, 'one request')
  else if (ends !== 'connection') t.notOk(heard.some(wholeRequest), 'unheard')
  t.notMatch(heard.join(''), each.never ?? /evil/)
  if (each.heard) t.match(heard.join(''), each.heard)
}

for (const [group, cases] of Object.entries(http2Cases)) {
  t.test(`each costs what it must, and nothing ambiguous reaches the service: ${group}`, async (t) => {
    const between = await stand(t, ', timeouts: { send_idle: 1s, headers: 3s }')
    for (const each of chosen(cases)) await hold(t, between, each)
  })
}

const inFlight = async (bridge: RunningBascule): Promise<number> =>
  Number(/^bascule_requests_in_flight (\d+)/m.exec(await (await fetch(`${bridge.adminUrl}/metrics`)).text())?.[1])

t.test('a connection that nghttp2 gave up is let go of with its requests (Node hears no more of it)', async (t) => {
  const { bridge, upstream } = await stand(t, ', timeouts: { send_idle: 500ms }')
  const client = await rawHttp2(t, bridge.url)
  client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, request([], '/silent')))
  await upstream.said(0, (text) => text.endsWith('\r\n\r\n'))
  t.equal(await inFlight(bridge), 1)
  const letGo = new Promise((resolve) => upstream.sockets[0]!.on('close', resolve))
  client.send(frame(HEADERS, END_HEADERS, 3, request([], '/', 'POST')), frame(DATA, PADDED, 3, Buffer.from([9, 1])))
  await client.next(({ type }) => type === GOAWAY)
  client.socket.destroy()
  await letGo
  await bridge.line(({ code, path }) => code === 'CLIENT_CLOSED' && path === '/silent')
})

t.test('who answers PINGs may wait for as long as it likes', async (t) => {
  const { bridge, upstream } = await stand(t, ', timeouts: { send_idle: 200ms }')
  const client = await rawHttp2(t, bridge.url)
  client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, request([], '/silent')))
  for (let answered = 0; answered < 8; answered++) {
    const pings = () => client.frames.filter(({ type, flags }) => type === PING && flags === 0)
    const ping = await client.next((each) => pings().indexOf(each) === answered)
    if (ping === undefined) return t.fail('the connection was closed')
    client.send(frame(PING, ACK, 0, ping.payload))
  }
  upstream.sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate')
  t.equal((await client.next(({ type }) => type === DATA))?.payload.toString(), 'late')
})

t.test('what is sent by the thousand and never read costs the others nothing', async (t) => {
  const { bridge } = await stand(t)
  const settings = frame(SETTINGS, 0, 0, Buffer.from([0, 1, 0, 0, 16, 0]))
  const floods: Readonly<Record<string, Uint8Array>> = {
    'PING (CVE-2019-9512)': frame(PING, 0, 0, Buffer.alloc(8)),
    'SETTINGS (CVE-2019-9515)': settings,
    WINDOW_UPDATE: frame(WINDOW_UPDATE, 0, 0, u32(1)),
    'PRIORITY (CVE-2019-9513)': frame(PRIORITY, 0, 3, Buffer.concat([u32(5), Buffer.from([7])])),
  }
  const clients: RawHttp2[] = []
  for (const each of Object.values(floods)) {
    const client = await rawHttp2(t, bridge.url)
    client.socket.pause()
    client.send(...Array.from({ length: 20_000 }, () => each))
    clients.push(client)
  }
  const other = await rawHttp2(t, bridge.url)
  other.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, request()))
  t.equal((await other.next(({ type }) => type === DATA))?.payload.toString(), 'fine')
  for (const client of clients) client.socket.destroy()
})
