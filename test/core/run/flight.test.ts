// One request, one ending: whoever ends it, and whenever.
import { Buffer } from 'node:buffer'
import t from 'tap'
import { type Fault, fault } from '../../../core/index.ts'
import type { AnyExchange } from '../../../core/run/program.ts'
import { get, post, type Stages, source, startFront } from '../../kit/front.ts'
import { rawClient } from '../../kit/raw-client.ts'

const away = () => fault('STORE_UNAVAILABLE', 'the store is away')

t.test('an exchange that is cancelled before its head is the problem of its fault, at each point', async (t) => {
  const points: Record<string, Stages> = {
    'in a synchronous stage': { run: (x) => x.cancel(away()) },
    'in an asynchronous stage': { run: async (x) => x.cancel(away()) },
    'while a stage waits': {
      run: (x) => {
        setImmediate(() => x.cancel(away()))
        return new Promise(() => {})
      },
    },
    'while the source is silent': { answer: source((_sink, x) => setImmediate(() => x.cancel(away()))) },
    'inside the start of the source': {
      answer: source((sink, x) => {
        x.cancel(away())
        sink.head(200, [])
        sink.end()
      }),
    },
    'twice, the first word wins': {
      run: (x) => {
        x.cancel(away())
        x.cancel(fault('OVERLOADED'))
      },
    },
    'and the stage replies all the same': {
      run: (x) => {
        x.cancel(away())
        return x.reply(200, 'OK')
      },
    },
  }
  for (const [what, stages] of Object.entries(points)) {
    const front = await startFront(t, stages)
    const client = rawClient(t, front.url)
    client.send(get() + get())
    t.match(await client.answers(2), [{ status: 503 }, { status: 503 }], what)
    t.equal(client.text.split(/HTTP\/1\.1 \d/).length, 3, `${what}: one answer each`)
    const cancelled = { result: 'failed', status: 503, code: 'STORE_UNAVAILABLE' }
    t.match(await front.ended(2), [cancelled, cancelled], what)
  }
})

interface Goer {
  proceed(): unknown
}

t.test('an exchange that is cancelled after its head is torn', async (t) => {
  let x: AnyExchange | undefined
  const front = await startFront(t, {
    answer: source((sink, of) => {
      x = of
      sink.head(200, [])
      sink.chunk(Buffer.from('half'))
    }),
  })
  const client = rawClient(t, front.url)
  client.send(get())
  await client.until((text) => text.includes('half'))
  x?.cancel(away())
  t.equal(await client.ended, 'reset')
  t.match(await front.ended(1), [{ result: 'failed', status: 200, code: 'STORE_UNAVAILABLE' }])
})

t.test('an exchange that has ended cannot be cancelled, and its connection serves the next', async (t) => {
  const seen: AnyExchange[] = []
  const front = await startFront(t, {
    run: (x) => void seen.push(x),
    settled: (x) => void x.cancel(away()),
  })
  const client = rawClient(t, front.url)
  client.send(get())
  await client.answers(1)
  await front.ended(1)
  seen[0]?.cancel(away())
  client.send(get())
  t.match(await client.answers(2), [{ status: 200 }, { status: 200 }])
  t.match(await front.ended(2), [{ result: 'completed' }, { result: 'completed' }])
})

t.test('whatever is no fault cancels as a defect', async (t) => {
  const front = await startFront(t, { run: (x) => x.cancel(new Error('secret') as Fault) })
  const client = rawClient(t, front.url)
  client.send(get())
  t.match(await client.answers(1), [{ status: 500 }])
  t.notMatch(client.text, /secret/)
})

t.test(
  'the signal tells who still works for a request that its end came early, and never one that completed',
  async (t) => {
    const signals = new Map<string, AbortSignal>()
    const front = await startFront(t, {
      timeout: 30,
      run: (x) => {
        signals.set(x.path, x.signal)
        if (x.path === '/cancelled') setImmediate(() => x.cancel(away()))
        return x.path === '/fine' ? undefined : new Promise(() => {})
      },
    })
    const client = rawClient(t, front.url)
    client.send(get('/fine') + get('/cancelled') + get('/slow'))
    t.match(await client.answers(3), [{ status: 200 }, { status: 503 }, { status: 500 }])
    const leaving = rawClient(t, front.url)
    leaving.send(get('/left'))
    while (!signals.has('/left')) await new Promise(setImmediate)
    leaving.close()
    await front.ended(4)
    t.same(Object.fromEntries([...signals].map(([path, { aborted }]) => [path, aborted])), {
      '/fine': false,
      '/cancelled': true,
      '/slow': true,
      '/left': true,
    })
  },
)

t.test('a verdict that comes after the end changes nothing', async (t) => {
  const late: (() => void)[] = []
  let reached = 0
  const front = await startFront(t, {
    timeout: 20,
    run: (x) => new Promise((resolve) => late.push(() => resolve((x as unknown as Goer).proceed()))),
    answer: (x) => {
      reached++
      return x.reply(200, 'OK')
    },
  })
  const client = rawClient(t, front.url)
  client.send(get())
  t.match(await client.answers(1), [{ status: 500 }])
  for (const say of late) say()
  const leaving = rawClient(t, front.url)
  leaving.send(get())
  while (late.length < 2) await new Promise(setImmediate)
  leaving.close()
  await front.ended(2)
  for (const say of late) say()
  await new Promise(setImmediate)
  t.equal(reached, 0)
  t.equal(front.told.length, 2)
})

t.test('a stage that answers or asks for the signal after the client has left reaches no service', async (t) => {
  let begun = 0
  let late: (() => void) | undefined
  let signal: AbortSignal | undefined
  const front = await startFront(t, {
    answer: (x) =>
      new Promise((resolve) => {
        late = () => {
          signal = x.signal
          resolve(source(() => begun++)(x))
        }
      }),
  })
  const leaving = rawClient(t, front.url)
  leaving.send(get())
  while (!late) await new Promise(setImmediate)
  leaving.close()
  await front.ended(1)
  late()
  await new Promise(setImmediate)
  t.equal(begun, 0)
  t.ok(signal?.aborted, 'also where nobody had asked for it before')
})

t.test('a hook that fails in settled, at once or later, keeps the news from nobody', async (t) => {
  for (const settled of [() => Promise.reject(new Error('later')), () => fail()]) {
    const front = await startFront(t, { settled })
    const client = rawClient(t, front.url)
    client.send(get())
    await client.answers(1)
    await front.ended(1)
    await new Promise(setImmediate)
    t.match(front.logged, [{ msg: 'settled_hook_failed' }])
  }
})

function fail(): never {
  throw new Error('at once')
}

t.test('a source that heads its answer with a status that is none is a 500', async (t) => {
  for (const status of [99, 101, Number.NaN, 1000]) {
    const front = await startFront(t, { answer: source((sink) => setImmediate(() => sink.head(status, []))) })
    const client = rawClient(t, front.url)
    client.send(get())
    t.match(await client.answers(1), [{ status: 500 }], String(status))
    t.match(await front.ended(1), [{ result: 'failed', code: 'INTERNAL' }], String(status))
  }
})

t.test('a body that was taken and never read is let go of when the request ends', async (t) => {
  const bodies: AnyExchange[] = []
  const front = await startFront(t, {
    run: (x) => {
      bodies.push(x)
      if (x.path !== '/taken') return undefined
      x.body.take()
      return x.reply(403, 'FORBIDDEN')
    },
  })
  const client = rawClient(t, front.url)
  client.send(post('', '/taken', 'Content-Length: 500000\r\n'))
  await client.answers(1)
  client.send('x'.repeat(500_000) + get('/next'))
  t.match(await client.answers(2), [{ status: 403 }, { status: 200 }])
  t.throws(() => bodies[0]?.body.take(), 'nor can it be taken afterwards')

  const untaken = rawClient(t, front.url)
  untaken.send(post('', '/untaken', 'Content-Length: 500000\r\n'))
  await untaken.answers(1)
  t.throws(() => bodies.at(-1)?.body.take(), /ended/)
  untaken.send('x'.repeat(500_000) + get('/next'))
  t.match(await untaken.answers(2), [{ status: 200 }, { status: 200 }])
})
