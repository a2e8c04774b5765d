// Nothing of a request outlives it, on a connection that stays open.
import { setTimeout as wait } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import t from 'tap'
import { get, post, source, startFront } from '../../kit/front.ts'
import { rawClient } from '../../kit/raw-client.ts'

v8.setFlagsFromString('--expose-gc')
const collect: () => void = vm.runInNewContext('gc')

/** How many of them a collection leaves; those of the last request may still be on a stack. */
async function left(refs: readonly WeakRef<object>[]): Promise<number> {
  for (let i = 0; i < 5; i++) {
    await new Promise(setImmediate)
    collect()
  }
  return refs.filter((ref) => ref.deref() !== undefined).length
}

t.test('a connection keeps nothing of the requests it carried', async (t) => {
  const refs: WeakRef<object>[] = []
  const front = await startFront(t, {
    run: async (x) => {
      refs.push(new WeakRef(x))
      if (x.body.kind === 'stream') await x.body.bytes(100)
      return x.proceed({} as never)
    },
    answer: (x) =>
      x.path === '/stream'
        ? source((sink) => {
            sink.head(200, ['Content-Length', '0'])
            sink.end()
          })(x)
        : x.reply(200, 'OK', { body: 'fine' }),
  })
  const client = rawClient(t, front.url)
  for (let i = 1; i <= 60; i++) {
    client.send(i % 3 === 0 ? post('body') : get(i % 3 === 1 ? '/x' : '/stream'))
    await client.answers(i)
  }
  await front.ended(60)
  t.ok((await left(refs)) <= 2)
  t.equal(front.flights.size, 0)
})

t.test('nor does a client that left, a body that was refused, or a stage that never answers', async (t) => {
  const refs: WeakRef<object>[] = []
  const front = await startFront(t, {
    run: (x) => {
      refs.push(new WeakRef(x))
      if (x.path === '/never') return new Promise(() => {})
      return x.path === '/denied' ? x.reply(403, 'FORBIDDEN') : x.proceed({} as never)
    },
  })
  for (let i = 0; i < 10; i++) {
    const kept = rawClient(t, front.url)
    kept.send(post('x'.repeat(100_000), '/denied') + get('/x'))
    await kept.answers(2)
    const leaving = rawClient(t, front.url)
    leaving.send(get('/never'))
    while (front.flights.size === 0) await new Promise(setImmediate)
    leaving.close()
    await front.ended(3)
    front.forget()
  }
  t.ok((await left(refs)) <= 2)
  t.equal(front.flights.size, 0)
})

t.test('nor does a body of which the rest never came, once the client left', async (t) => {
  const refs: WeakRef<object>[] = []
  const front = await startFront(t, {
    run: (x) => {
      refs.push(new WeakRef(x))
      return x.reply(403, 'FORBIDDEN')
    },
  })
  for (let i = 0; i < 10; i++) {
    const client = rawClient(t, front.url)
    client.send('POST /x HTTP/1.1\r\nHost: app.example\r\nContent-Length: 100\r\n\r\nnot all of it')
    await client.answers(1)
    client.close()
    await front.ended(i + 1)
  }
  // What is left unread may linger for 30 s on a connection that stays.
  const until = Date.now() + 20_000
  while ((await left(refs)) > 2 && Date.now() < until) await wait(20)
  t.ok((await left(refs)) <= 2)
})
