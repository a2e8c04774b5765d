// One client connection: requests run one after the other, nothing runs behind what was refused, and no answer ends up in another.

import { Buffer } from 'node:buffer'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { fault } from '../../../core/index.ts'
import type { AnyExchange } from '../../../core/run/program.ts'
import { get, post, replying, source, startFront } from '../../kit/front.ts'
import { rawClient } from '../../kit/raw-client.ts'

/** A terminal stage that answers only when the test says so. */
function held() {
  const arrived: AnyExchange[] = []
  const waiting: (() => void)[] = []
  const wakes: (() => void)[] = []
  return {
    arrived,
    answer(x: AnyExchange) {
      arrived.push(x)
      for (const wake of wakes.splice(0)) wake()
      return new Promise((resolve) => waiting.push(() => resolve(x.reply(200, 'OK', { body: `held ${x.target}` }))))
    },
    async arrive(count: number) {
      while (arrived.length < count) await new Promise<void>((resolve) => wakes.push(resolve))
    },
    release: () => waiting.shift()?.(),
  }
}

const garbage = '\x01\x02 no request at all\r\n\r\n'

t.test('pipelined requests run one after the other', async (t) => {
  const stage = held()
  const front = await startFront(t, { answer: stage.answer })
  const client = rawClient(t, front.url)
  client.send(post('one', '/1') + post('two', '/2') + get('/3'))
  for (let n = 1; n <= 3; n++) {
    await stage.arrive(n)
    t.equal(front.flights.size, 1)
    stage.release()
    await client.answers(n)
  }
  t.match(await client.answers(3), [{ body: 'held /1' }, { body: 'held /2' }, { body: 'held /3' }])
  t.equal((await front.ended(3)).length, 3)
})

t.test('what waits in line when the client leaves never runs, and is told once', async (t) => {
  const stage = held()
  const front = await startFront(t, { answer: stage.answer })
  const client = rawClient(t, front.url)
  client.send(get('/1') + get('/2') + get('/3'))
  await stage.arrive(1)
  client.close()
  for (const outcome of await front.ended(3))
    t.match(outcome, { result: 'aborted', status: null, code: 'CLIENT_CLOSED' })
  t.equal(stage.arrived.length, 1)
  t.equal(front.flights.size, 0)
})

t.test('a client that pipelines without end is answered what fits, and closed', async (t) => {
  const front = await startFront(t, { answer: (x) => wait(1).then(() => x.reply(200, 'OK')) }, { pipelined: 4 })
  const client = rawClient(t, front.url)
  client.send(get().repeat(50))
  t.equal(await client.ended, 'fin')
  t.equal((await front.ended(5)).length, 5)
  t.match((await client.answers(5))[4], { status: 200, headers: new Map([['connection', 'close']]) })
})

t.test('what cannot be read behind a request is answered after it, not into it', async (t) => {
  const stage = held()
  const front = await startFront(t, { answer: stage.answer })
  const client = rawClient(t, front.url)
  client.send(get('/1') + garbage)
  await stage.arrive(1)
  client.send(garbage)
  stage.release()
  t.equal(await client.ended, 'fin')
  t.match(await client.answers(2), [{ status: 200, body: 'held /1' }, { status: 400 }])
  t.match(await front.ended(2), [{ result: 'completed' }, { result: 'rejected', stage: 'core', code: 'BAD_REQUEST' }])
})

t.test('a body that cannot be read is no fault of the request before it', async (t) => {
  const stage = held()
  const front = await startFront(t, { answer: stage.answer })
  const client = rawClient(t, front.url)
  client.send(`${get('/1')}POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n`)
  await stage.arrive(1)
  stage.release()
  t.equal(await client.ended, 'fin')
  t.match(await client.answers(2), [{ status: 200, body: 'held /1' }, { status: 400 }])
  t.match(await front.ended(2), [{ result: 'completed' }, { result: 'rejected', stage: 'core', code: 'BAD_REQUEST' }])
  t.equal(stage.arrived.length, 1)
})

t.test('CONNECT behind a request is answered after it', async (t) => {
  const stage = held()
  const front = await startFront(t, { answer: stage.answer })
  const client = rawClient(t, front.url)
  client.send(`${get('/1')}CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n`)
  await stage.arrive(1)
  stage.release()
  const [first, second] = await client.answers(2)
  t.match(first, { status: 200, body: 'held /1' })
  t.equal(second?.status, 405)
  t.ok(second?.headers.has('allow'))
  t.equal(await client.ended, 'fin')
  await front.ended(2)
})

t.test('nothing is answered behind a request that said it was the last', async (t) => {
  const stage = held()
  const front = await startFront(t, { answer: stage.answer })
  const client = rawClient(t, front.url)
  client.send(get('/1', 'Connection: close\r\n') + get('/2'))
  await stage.arrive(1)
  stage.release()
  t.equal(await client.ended, 'fin')
  t.equal((await client.answers(1)).length, 1)
  t.equal(client.text.split('HTTP/1.1 ').length, 2)
  t.equal(stage.arrived.length, 1)
})

t.test('nothing runs behind a request whose framing is in doubt', async (t) => {
  const targets: string[] = []
  const front = await startFront(t, { run: (x) => void targets.push(x.target) })
  const client = rawClient(t, front.url)
  client.send(`GET /doubt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${get('/smuggled')}${garbage}`)
  t.equal(await client.ended, 'fin')
  t.equal(client.text.split('HTTP/1.1 ').length, 2)
  t.same(targets, [])
  t.equal((await front.ended(1)).length, 1)
})

t.test('nothing runs behind one that is in doubt when its turn comes', async (t) => {
  const stage = held()
  const front = await startFront(t, { answer: stage.answer })
  const client = rawClient(t, front.url)
  client.send(`${get('/1')}GET /doubt HTTP/1.1\r\nHost: a/b\r\n\r\n${get('/smuggled')}${get('/too')}`)
  await stage.arrive(1)
  stage.release()
  t.equal(await client.ended, 'fin')
  t.match(await client.answers(2), [{ status: 200, body: 'held /1' }, { status: 400 }])
  t.equal(client.text.split('HTTP/1.1 ').length, 3)
  t.match(await front.ended(2), [{ status: 200 }, { status: 400 }])
  t.same(
    stage.arrived.map((x) => x.target),
    ['/1'],
  )
})

t.test('a torn answer in line is torn too', async (t) => {
  const front = await startFront(t, {
    answer: (x) =>
      x.path === '/1'
        ? wait(20).then(() => x.reply(200, 'OK', { body: 'one' }))
        : source((sink) => {
            sink.head(200, ['Content-Length', '9'])
            sink.chunk(Buffer.from('abc'))
            setTimeout(() => sink.fail(fault('UPSTREAM_UNREACHABLE')), 20)
          })(x),
  })
  const client = rawClient(t, front.url)
  client.send(get('/1') + get('/2') + get('/3'))
  t.equal(await client.ended, 'reset')
  t.match(client.text, /one[\s\S]*abc$/)
  const outcomes = await front.ended(3)
  t.match(outcomes, [{ result: 'completed' }, { result: 'failed' }, { result: 'aborted', status: null }])
})

t.test('a client that closes its side is gone', async (t) => {
  const stage = held()
  const front = await startFront(t, { answer: stage.answer })
  const client = rawClient(t, front.url)
  client.send(get('/1'))
  await stage.arrive(1)
  client.socket.end()
  await client.ended
  t.match(await front.ended(1), [{ result: 'aborted', status: null }])
  stage.release()
  t.equal(front.told.length, 1)
})

t.test('a connection that never said anything is closed without a word', async (t) => {
  const front = await startFront(t)
  const client = rawClient(t, front.url)
  client.socket.end()
  await client.ended
  t.equal(client.text, '')
  t.equal(front.told.length, 0)
})

t.test('a connection that says nothing for as long as a head may take is closed without a word', async (t) => {
  const front = await startFront(t, {}, { headersTimeout: 50 })
  const client = rawClient(t, front.url)
  await client.ended
  t.equal(client.text, '')
  t.equal(front.told.length, 0)
})

t.test('an answer is not lost to what the client still sends', async (t) => {
  const front = await startFront(t)
  const cases: Record<string, [head: string, status: number]> = {
    doubtful: ['POST /x HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 4000000\r\n\r\n', 400],
    unreadable: ['GET /x HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n', 400],
    'a body nobody wanted': [
      'POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4000000\r\n\r\n',
      200,
    ],
    'a handshake': ['GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n', 400],
  }
  for (const [what, [head, status]] of Object.entries(cases)) {
    const client = rawClient(t, front.url)
    client.send(head)
    for (let sent = 0; sent < 4_000_000; sent += 100_000) client.send('x'.repeat(100_000))
    t.match(await client.answers(1), [{ status }], what)
    await client.ended
  }
})

t.test('while it drains every answer is the last, and once its resources are closed nothing runs', async (t) => {
  const front = await startFront(t)
  front.ground.draining = true
  const draining = rawClient(t, front.url)
  draining.send(get())
  t.match(await draining.answers(1), [{ status: 200, headers: new Map([['connection', 'close']]) }])
  t.equal(await draining.ended, 'fin')
  front.ground.closed = true
  const closed = rawClient(t, front.url)
  closed.send(get())
  const [answer] = await closed.answers(1)
  t.match(answer, { status: 503, headers: new Map([['retry-after', '1']]) })
  t.match(answer?.body, /"code":"DRAINING"/)
})

t.test('an upgrade behind an answer that was written already ends the connection', async (t) => {
  const front = await startFront(t, { answer: replying(200, { body: 'x' }) })
  const client = rawClient(t, front.url)
  const upgrade = 'OPTIONS /b HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'
  client.send(`GET /../a HTTP/1.1\r\nHost: a\r\n\r\n${upgrade}`)
  await client.ended
  t.match(await front.ended(1), [{ status: 400 }])
})
