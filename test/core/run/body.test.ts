// The client's body: read only when asked, and let go of without losing the answer or the connection.
import { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { ClientBody } from '../../../core/run/body.ts'
import type { ClientAnswer, ClientRequest } from '../../../core/run/client-message.ts'
import { defaultLimits } from '../../../core/run/limits.ts'
import type { AnyExchange } from '../../../core/run/program.ts'
import { get, post, replying, startFront } from '../../kit/front.ts'
import { rawClient } from '../../kit/raw-client.ts'

const echo = async (x: AnyExchange) => {
  const body = await x.body.bytes(1_000_000)
  return x.reply(200, 'OK', { body: `got ${body.length} ${x.body.kind}` })
}
const chunked = 'Transfer-Encoding: chunked\r\n'
const expecting = (length: number) => `Content-Length: ${length}\r\nExpect: 100-continue\r\n`

t.test('a body comes whole, whatever its framing, and the next request is a new one', async (t) => {
  const front = await startFront(t, { answer: echo })
  const client = rawClient(t, front.url)
  client.send(post('four') + post('4\r\nfour\r\n0\r\n\r\n', '/x', chunked) + post('') + get())
  t.match(await client.answers(4), [
    { body: 'got 4 buffered' },
    { body: 'got 4 buffered' },
    { body: 'got 0 none' },
    { body: 'got 0 none' },
  ])
})

t.test('100 Continue waits for the verdict', async (t) => {
  const front = await startFront(t, {
    run: (x) => (x.path === '/denied' ? x.reply(403, 'FORBIDDEN') : undefined),
    answer: echo,
  })
  const denied = rawClient(t, front.url)
  denied.send(post('', '/denied', expecting(4)))
  t.match(await denied.answers(1), [{ status: 403, headers: new Map([['connection', 'close']]) }])
  t.equal(await denied.ended, 'fin', 'for the body may come or not, and would be read as a request')
  t.notMatch(denied.text, /100 Continue/)

  const wanted = rawClient(t, front.url)
  wanted.send(post('', '/wanted', expecting(4)))
  await wanted.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n')
  wanted.send(`four${get()}`)
  t.match(await wanted.answers(2), [{ body: 'got 4 buffered' }, { body: 'got 0 none' }])

  const unknown = rawClient(t, front.url)
  unknown.send(post('four', '/x', 'Content-Length: 4\r\nExpect: a-miracle\r\n'))
  t.match(await unknown.answers(1), [{ status: 417 }])
})

t.test('an early answer gets out while the client still sends, and the connection is good for the next', async (t) => {
  const front = await startFront(t, { answer: replying(403, {}, 'FORBIDDEN') })
  const client = rawClient(t, front.url)
  client.send(post('', '/x', 'Content-Length: 300000\r\n'))
  t.match(await client.answers(1), [{ status: 403 }])
  client.send('x'.repeat(300_000) + get())
  t.match(await client.answers(2), [{ status: 403 }, { status: 403 }])
})

t.test('a body nobody wants is read within bounds', async (t) => {
  const front = await startFront(t, { answer: replying(403, {}, 'FORBIDDEN') }, { lingerBytes: 1000, lingerIdle: 100 })
  const big = rawClient(t, front.url)
  big.send(post('', '/x', 'Content-Length: 300000\r\n'))
  await big.answers(1)
  big.send('x'.repeat(100_000))
  await big.ended
  const silent = rawClient(t, front.url)
  silent.send(post('', '/x', 'Content-Length: 300000\r\n'))
  await silent.answers(1)
  await silent.ended
  for (const outcome of await front.ended(2)) t.match(outcome, { result: 'rejected', status: 403 })
})

t.test('a client that stops in the middle of a wanted body gets a 408', async (t) => {
  const front = await startFront(t, { answer: echo }, { bodyIdle: 100, lingerIdle: 100 })
  const client = rawClient(t, front.url)
  client.send(post('fo', '/x', 'Content-Length: 4\r\n'))
  t.match(await client.answers(1), [{ status: 408, headers: new Map([['connection', 'close']]) }])
  await client.ended
  t.match(await front.ended(1), [{ result: 'rejected', status: 408, code: 'REQUEST_TIMEOUT' }])
})

t.test('a client that leaves in the middle of its body has aborted', async (t) => {
  const front = await startFront(t, { answer: echo })
  for (const leave of ['destroy', 'end', 'resetAndDestroy'] as const) {
    const before = front.told.length
    const client = rawClient(t, front.url)
    client.send(post('fo', `/${leave}`, 'Content-Length: 4\r\n'))
    while (front.flights.size === 0) await new Promise(setImmediate)
    client.socket[leave]()
    t.match((await front.ended(before + 1))[before], { result: 'aborted', status: null, code: 'CLIENT_CLOSED' }, leave)
  }
  t.equal(front.told.length, 3)
  t.equal(front.logged.length, 0)
})

t.test('a body that cannot be read is the 400 of its request', async (t) => {
  for (const answer of [echo, () => new Promise(() => {})]) {
    const front = await startFront(t, { answer })
    const client = rawClient(t, front.url)
    client.send(post('4\r\nfour\r\nZZ\r\n', '/x', chunked) + get('/smuggled'))
    t.match(await client.answers(1), [{ status: 400 }])
    t.equal(await client.ended, 'fin')
    t.match(await front.ended(1), [{ result: 'rejected', status: 400, code: 'BAD_REQUEST' }])
    t.equal(client.text.split('HTTP/1.1 ').length, 2)
  }
})

t.test('a body that cannot be read behind its answer closes the connection without a second one', async (t) => {
  const front = await startFront(t, { answer: replying(403, {}, 'FORBIDDEN') })
  const client = rawClient(t, front.url)
  client.send(post('', '/x', chunked))
  await client.answers(1)
  client.send('ZZ\r\n')
  await client.ended
  t.equal(client.text.split('HTTP/1.1 ').length, 2)
  t.equal((await front.ended(1)).length, 1)
})

t.test('a body larger than a stage takes is a 413', async (t) => {
  const front = await startFront(t, { answer: async (x) => x.reply(200, 'OK', { body: await x.body.bytes(10) }) })
  const client = rawClient(t, front.url)
  client.send(post('x'.repeat(100_000)) + get())
  t.match(await client.answers(2), [{ status: 413 }, { status: 200 }])
})

t.test('a body is taken once', async (t) => {
  const front = await startFront(t, {
    run: (x) => void x.body.take(),
    answer: (x) => {
      x.body.take()
      return x.reply(200, 'OK')
    },
  })
  const client = rawClient(t, front.url)
  client.send(post('four'))
  t.match(await client.answers(1), [{ status: 500 }])
})

t.test('a stage that takes a body and does not listen does not end the process when the client leaves', async (t) => {
  const front = await startFront(t, {
    answer: (x) => {
      const taken = x.body.take()
      t.ok(taken instanceof Readable)
      return new Promise(() => {})
    },
  })
  const client = rawClient(t, front.url)
  client.send(post('fo', '/x', 'Content-Length: 4\r\n'))
  while (front.flights.size === 0) await new Promise(setImmediate)
  client.close()
  t.match(await front.ended(1), [{ result: 'aborted' }])
})

t.test('a client is not blamed while it is the service that does not read', async (t) => {
  const req = Object.assign(new EventEmitter(), { pause() {}, resume() {}, complete: false, destroyed: false })
  const limits = { ...defaultLimits, bodyIdle: 10 }
  const has = { body: true, expectation: false }
  const body = new ClientBody(req as unknown as ClientRequest, {} as ClientAnswer, has, limits)
  const taken = body.take() as Readable
  taken.read(0)
  req.emit('data', Buffer.alloc(128 * 1024))
  await wait(40)
  t.equal(body.broken, undefined)
  t.notOk(taken.destroyed)
  const awake = setInterval(() => {}, 1_000) // the clock itself holds no process
  t.teardown(() => clearInterval(awake))
  taken.resume()
  await new Promise((resolve) => taken.once('close', resolve))
  t.match(body.broken, { code: 'REQUEST_TIMEOUT' }, 'but for its own silence it is')
})

t.test('a body is not read faster than it is taken', async (t) => {
  let taken: Readable | undefined
  const front = await startFront(t, {
    answer: (x) => {
      taken = x.body.take() as Readable
      taken.on('readable', () => {}) // reads ahead, and takes nothing
      return new Promise((resolve) => taken!.on('end', () => resolve(x.reply(200, 'OK'))))
    },
  })
  const client = rawClient(t, front.url)
  const size = 32 * 1024 * 1024
  client.send(post('', '/x', `Content-Length: ${size}\r\n`))
  client.send(Buffer.alloc(size))
  while (!taken || taken.readableLength === 0) await new Promise(setImmediate)
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  t.ok(taken.readableLength < 1024 * 1024, `${taken.readableLength} bytes kept`)
  taken.removeAllListeners('readable')
  taken.resume()
  t.match(await client.answers(1), [{ status: 200 }])
  t.match(await front.ended(1), [{ bytesIn: size }])
})
