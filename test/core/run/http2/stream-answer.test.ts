// What a stream of node:http2 does only when something goes wrong, on one that notes what is done to it.
import { EventEmitter } from 'node:events'
import type { ServerHttp2Stream } from 'node:http2'
import t from 'tap'
import { StreamAnswer } from '../../../../core/run/http2/stream-answer.ts'

// The clocks under test hold no process; something must, until they strike.
const awake = setInterval(() => {}, 1_000)
t.teardown(() => clearInterval(awake))

class Noted extends EventEmitter {
  readonly done: string[] = []
  destroyed = false
  closed = false
  writableEnded = false
  writableFinished = false
  writableLength = 0
  throwing = ''

  destroy(error?: Error): void {
    this.destroyed = true
    this.done.push(error === undefined ? 'destroy' : 'reset')
  }
  respond(): void {
    if (this.throwing === 'respond') throw new Error('a head that cannot be written')
    this.done.push('respond')
  }
  sendTrailers(): void {
    if (this.throwing === 'trailers') throw new Error('trailers that cannot be written')
    this.done.push('trailers')
  }
  write(): boolean {
    return true
  }
  end(): void {
    this.writableEnded = true
  }
  close(code: number): void {
    this.closed = true
    this.done.push(`close ${code}`)
  }
  resume(): void {
    this.done.push('resume')
  }
}

function answering(throwing = '') {
  const stream = new Noted()
  stream.throwing = throwing
  const res = new StreamAnswer(stream as unknown as ServerHttp2Stream, { ip: '', port: 0, tls: true })
  res.req = { method: 'GET', complete: false } as StreamAnswer['req']
  res.writeHead(200, [])
  return { stream, res }
}

t.test('a head or trailers that cannot be written reset the stream: it must not look whole', async (t) => {
  const head = answering('respond')
  head.res.flushHeaders()
  t.same(head.stream.done, ['reset'])
  const trailers = answering('trailers')
  trailers.res.addTrailers([['x-a', '1']])
  trailers.res.end()
  trailers.stream.emit('wantTrailers')
  t.same(trailers.stream.done, ['respond', 'reset'])
})

t.test('a client that takes less than before is waited for, and one that takes nothing is told of', async (t) => {
  const { stream, res } = answering()
  stream.writableLength = 100
  let looked = 0
  const stuck = new Promise<void>((resolve) => res.on('timeout', resolve))
  Object.defineProperty(stream, 'writableLength', { get: () => (++looked < 4 ? 100 - looked : 96) })
  res.setTimeout(10)
  await stuck
  t.ok(looked > 4, `${looked} looks`)
})

t.test('a client that still sends when it has its answer is told to stop, and what it sent is let go', async (t) => {
  const { stream, res } = answering()
  let closed = 0
  res.on('close', () => closed++)
  res.end()
  t.same(stream.done, ['respond'])
  stream.writableFinished = true
  stream.emit('finish')
  t.same(stream.done, ['respond', 'close 0', 'resume'])
  stream.emit('close')
  t.equal(closed, 1)
})
