// Frames that RFC 6455 forbids pass as they are, for the other side to judge; what is Bascule's is that a close frame of its own never ends up inside one.
import { Buffer } from 'node:buffer'
import t from 'tap'
import { startBascule } from '../kit/bascule.ts'
import { chosen } from '../kit/raw-bridge.ts'
import { rawClient } from '../kit/raw-client.ts'
import { rawUpstream } from '../kit/raw-upstream.ts'
import { handshake, socketFiles, switching } from '../kit/websocket.ts'

interface FrameCase {
  /** Sections of RFC 6455. */
  readonly ids: string
  readonly what: string
  readonly bytes: readonly number[]
  /** Where the next byte stands: `between` two frames, `inside` one, or `behind` a close frame. */
  readonly next: 'between' | 'inside' | 'behind'
}

const x = 0x78
const many = (count: number) => Array.from({ length: count }, () => x)

const cases: readonly FrameCase[] = [
  {
    ids: '5.1',
    what: 'a frame without a mask, or with one that should have none',
    bytes: [0x81, 1, x],
    next: 'between',
  },
  { ids: '5.2', what: 'reserved bits', bytes: [0xf1, 1, x], next: 'between' },
  { ids: '5.2', what: 'a reserved opcode', bytes: [0x83, 1, x], next: 'between' },
  { ids: '5.2', what: 'a reserved control opcode', bytes: [0x8b, 1, x], next: 'between' },
  {
    ids: '5.2',
    what: 'a length in more bytes than it needs',
    bytes: [0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1, x],
    next: 'between',
  },
  { ids: '5.4', what: 'a continuation of nothing', bytes: [0x80, 1, x], next: 'between' },
  { ids: '5.4', what: 'a message within a message', bytes: [0x01, 1, x, 0x01, 1, x], next: 'between' },
  { ids: '5.5', what: 'a control frame of 200 bytes', bytes: [0x89, 126, 0, 200, ...many(200)], next: 'between' },
  { ids: '5.5', what: 'a control frame in fragments', bytes: [0x09, 1, x], next: 'between' },
  { ids: '5.5.1', what: 'a close frame within a fragmented message', bytes: [0x01, 1, x, 0x88, 0], next: 'behind' },
  { ids: '5.5.1', what: 'data behind a close frame', bytes: [0x88, 0, 0x81, 1, x], next: 'behind' },
  { ids: '5.5.1', what: 'a close code of one byte', bytes: [0x88, 1, 3], next: 'behind' },
  { ids: '5.2', what: 'a length of 2^63', bytes: [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0, x], next: 'inside' },
  {
    ids: '5.2',
    what: 'a length of 2^64 - 1',
    bytes: [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255, x],
    next: 'inside',
  },
  { ids: '5.2', what: 'half a head', bytes: [0x82], next: 'inside' },
  { ids: '5.2', what: 'half a length', bytes: [0x82, 127, 0, 0, 0], next: 'inside' },
  { ids: '5.3', what: 'half a mask', bytes: [0x82, 0x81, 1, 2], next: 'inside' },
  { ids: '5.5.1', what: 'half a close frame', bytes: [0x88, 2, 3], next: 'inside' },
]

t.test('what is no frame passes both ways, and no close frame of ours ends up inside it', async (t) => {
  const upstream = await rawUpstream((text, socket) => {
    if (text.endsWith('\r\n\r\n')) socket.write([...switching, '', ''].join('\r\n'))
  })
  t.teardown(() => upstream.close())
  const bascule = await startBascule(t, socketFiles(upstream.url))
  const open: { readonly each: FrameCase; readonly client: ReturnType<typeof rawClient>; readonly sent: string }[] = []
  for (const each of chosen(cases)) {
    const client = rawClient(t, bascule.url)
    client.send(handshake('/live/x'))
    const head = await client.until((text) => text.endsWith('\r\n\r\n'))
    const sent = Buffer.from(each.bytes).toString('latin1')
    client.send(Buffer.from(each.bytes))
    await upstream.said(open.length, (text) => text.endsWith(`\r\n\r\n${sent}`))
    upstream.sockets[open.length]!.write(Buffer.from(each.bytes))
    await client.until((text) => text === head + sent)
    open.push({ each, client, sent: head + sent })
  }
  t.ok(await bascule.reload({ 'routes.yaml': 'services: {}\nroutes: []\n' }))
  for (const [i, { each, client, sent }] of open.entries()) {
    const how = await client.ended
    const ours = client.text.slice(sent.length)
    const heard = upstream.heard[i]!
    const theirs = heard.slice(heard.indexOf('\r\n\r\n') + 4 + each.bytes.length)
    if (each.next === 'between') {
      t.ok(ours.startsWith('\x88') && ours.slice(2, 4) === '\x03\xf4', `${each.ids}: ${each.what}: 1012 to the client`)
      t.ok(theirs.startsWith('\x88') && theirs.charCodeAt(1) > 0x80, 'and, masked, to the service')
    } else {
      t.equal(ours + theirs, '', `${each.ids}: ${each.what}: nothing more, either way`)
      t.equal(how, each.next === 'inside' ? 'reset' : 'fin')
    }
  }
})
