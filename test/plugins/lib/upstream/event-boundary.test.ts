import { Buffer } from 'node:buffer'
import t from 'tap'
import { EventBoundary, isEventStream } from '../../../../plugins/lib/upstream/event-boundary.ts'

t.test('an event ends at a blank line, whichever way lines end', async (t) => {
  const cases: readonly [stream: string, between: boolean][] = [
    ['', true],
    ['data: x', false],
    ['data: x\n', false],
    ['data: x\n\n', true],
    ['data: x\r\r', true],
    ['data: x\r\n', false],
    ['data: x\r\n\r\n', true],
    ['data: x\n\r\n', true],
    ['data: x\n\ndata: y\n', false],
    [': comment\n\n\n', true],
    ['data: x\n\nid', false],
  ]
  for (const [stream, between] of cases) {
    const whole = new EventBoundary()
    whole.follow(Buffer.from(stream))
    t.equal(whole.between, between, JSON.stringify(stream))
    const pieces = new EventBoundary()
    for (const byte of Buffer.from(stream)) pieces.follow(Uint8Array.of(byte))
    t.equal(pieces.between, between, `${JSON.stringify(stream)} byte by byte`)
  }
})

t.test('it stops at the first end when told to', async (t) => {
  const events = new EventBoundary()
  events.follow(Buffer.from('data: x'))
  t.equal(events.follow(Buffer.from('yz\n\ndata: next\n\n'), true), 4)
})

t.test('only an open-ended, plain event stream has room for another event', async (t) => {
  t.ok(isEventStream(['Content-Type', 'text/event-stream; charset=utf-8']))
  t.notOk(isEventStream(['Content-Type', 'text/event-stream-not']))
  t.notOk(isEventStream(['Content-Type', 'application/json']))
  t.notOk(isEventStream(['Content-Type', 'text/event-stream', 'Content-Encoding', 'gzip']))
  t.notOk(isEventStream(['Content-Length', '5', 'Content-Type', 'text/event-stream']))
})
