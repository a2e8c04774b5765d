import { Buffer } from 'node:buffer'
import t from 'tap'
import { closeFrame, FrameFollower } from '../../../core/run/websocket-frames.ts'

/** A frame's header as RFC 6455 §5.2 writes it, and so many bytes of payload. */
function frame(opcode: number, size: number, { masked = false, fin = true } = {}): Buffer {
  const first = (fin ? 0x80 : 0) | opcode
  const mask = masked ? 0x80 : 0
  const head =
    size < 126
      ? Buffer.from([first, mask | size])
      : size < 65_536
        ? Buffer.from([first, mask | 126, size >> 8, size & 0xff])
        : Buffer.concat([Buffer.from([first, mask | 127]), bigEndian(size)])
  // What is inside looks like headers, and must not be taken for any.
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0, 0x88), Buffer.alloc(size, 0x88)])
}

function bigEndian(size: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(size))
  return bytes
}

const frames = [
  frame(1, 0),
  frame(2, 5, { masked: true }),
  frame(1, 125, { fin: false }),
  frame(9, 3),
  frame(0, 126, { masked: true }),
  frame(10, 0, { masked: true }),
  frame(2, 65_535),
  frame(2, 65_536, { masked: true }),
]
const stream = Buffer.concat(frames)

t.test('frames end where they end, however the bytes come in pieces', async (t) => {
  const ends = new Set<number>()
  let end = 0
  for (const each of frames) {
    end += each.length
    ends.add(end)
  }
  for (const size of [1, 2, 3, 7, 1_000, stream.length]) {
    const follower = new FrameFollower()
    for (let at = 0; at < stream.length; at += size) {
      follower.follow(stream.subarray(at, at + size))
      const passed = Math.min(at + size, stream.length)
      if (follower.between !== ends.has(passed)) t.fail(`in pieces of ${size}, after ${passed} bytes`)
    }
    t.equal(follower.dataFrames, 6, 'pings and pongs are no data')
    t.notOk(follower.closed)
  }
})

t.test('it stops at the first boundary when told to', async (t) => {
  const follower = new FrameFollower()
  const [, second, third] = frames
  follower.follow(second!.subarray(0, 4))
  t.equal(follower.follow(Buffer.concat([second!.subarray(4), third!]), true), second!.length - 4)
  t.ok(follower.between)
})

t.test('a close frame is one when its last byte has passed', async (t) => {
  for (const masked of [true, false]) {
    const follower = new FrameFollower()
    const close = closeFrame(4401, 'bye', masked)
    follower.follow(close.subarray(0, close.length - 1))
    t.notOk(follower.closed)
    follower.follow(close.subarray(close.length - 1))
    t.ok(follower.closed)
    t.ok(follower.between)
  }
})

t.test('a length that no number holds never ends', async (t) => {
  const follower = new FrameFollower()
  follower.follow(Buffer.from([0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))
  follower.follow(Buffer.alloc(100_000))
  t.notOk(follower.between)
})

t.test('a close frame says its code and reason, within the 125 bytes of a control frame', async (t) => {
  t.same(closeFrame(1001, 'bye', false), Buffer.from([0x88, 5, 0x03, 0xe9, 0x62, 0x79, 0x65]))
  t.equal(closeFrame(1001, 'x'.repeat(500), false).length, 127)
  const masked = Buffer.from(closeFrame(1001, 'bye', true))
  const mask = masked.subarray(2, 6)
  t.equal(masked[1], 0x85)
  t.same(
    masked.subarray(6).map((byte, i) => byte ^ mask[i % 4]!),
    Buffer.from([0x03, 0xe9, 0x62, 0x79, 0x65]),
  )
})
