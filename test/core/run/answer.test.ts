// One writer an answer: what cannot be sent as it is said becomes a 500 or a reset, never a crash, a hang or a second answer.
import { Buffer } from 'node:buffer'
import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers'
import t, { type Test } from 'tap'
import { fault, type Sink } from '../../../core/index.ts'
import { Answer, type AnswerOwner } from '../../../core/run/answer.ts'
import type { ClientAnswer } from '../../../core/run/client-message.ts'
import { defaultLimits } from '../../../core/run/limits.ts'
import type { AnyExchange } from '../../../core/run/program.ts'
import { get, replying, type Stages, source, startFront } from '../../kit/front.ts'
import { rawClient } from '../../kit/raw-client.ts'

const bytes = (text: string) => Buffer.from(text)

/** One request, its one answer, and how it was told. */
async function ask(t: Test, stages: Stages, request = get()) {
  const front = await startFront(t, stages)
  const client = rawClient(t, front.url)
  client.send(request)
  const [answer] = await client.answers(1)
  const outcomes = await front.ended(1)
  return { answer: answer!, outcome: outcomes[0]!, told: outcomes.length, front, client }
}

const unsendable: Record<string, (x: AnyExchange) => unknown> = {
  'a status below 200': replying(99),
  'an interim status': replying(101),
  'a status that is no number': replying(Number.NaN),
  'a header that splits the answer': replying(200, { headers: ['Location', '/a\r\nSet-Cookie: planted=1'] }),
  'a header without a value': replying(200, { headers: ['X-Odd'] }),
  'a header name with a blank': replying(200, { headers: ['X Odd', '1'] }),
  'a length of its own': replying(200, { headers: ['Content-Length', '1'], body: 'longer' }),
  'a transfer coding of its own': replying(200, { headers: ['Transfer-Encoding', 'chunked'] }),
  'members that are no JSON': replying(403, { members: { amount: 1n } }, 'FORBIDDEN'),
  'a body that is no text': replying(200, { body: { a: 1 } as unknown as string }),
}

t.test('a reply that cannot be sent as it is said is a 500, and the process goes on', async (t) => {
  for (const [what, answer] of Object.entries(unsendable)) {
    const { answer: got, outcome, front, client } = await ask(t, { answer })
    t.equal(got.status, 500, what)
    t.notMatch(client.text, /planted/, what)
    t.match(outcome, { result: 'failed', status: 500, code: 'INTERNAL' }, what)
    t.match(front.logged, [{ msg: 'stage_failed' }], what)
    client.send(get('/again'))
    t.equal((await client.answers(2)).length, 2, `${what}: the connection is good for the next`)
  }
})

const hooks: Record<string, Stages['response']> = {
  throws: () => {
    throw new Error('secret')
  },
  'is asynchronous': async () => {
    throw new Error('secret')
  },
  'sets a status that is none': (_x, head) => {
    head.status = 42
  },
  'writes framing': (_x, head) => head.headers.set('Content-Length', '3'),
  'writes framing past the setter': (_x, head) => void head.headers.raw.push('content-length', '3'),
  'splits the answer past the setter': (_x, head) => void head.headers.raw.push('X-A', 'a\r\nX-Planted: 1'),
}

t.test('a response hook that cannot be followed turns a reply into a 500 without hooks', async (t) => {
  for (const [what, response] of Object.entries(hooks)) {
    const { answer, outcome, client } = await ask(t, { response, answer: replying(200, { body: 'whole' }) })
    t.equal(answer.status, 500, what)
    t.notMatch(client.text, /secret|X-Planted/, what)
    t.match(outcome, { result: 'failed', code: 'INTERNAL' }, what)
  }
})

t.test('a response hook that cannot be followed stops the stream it would have headed', async (t) => {
  for (const [what, response] of Object.entries(hooks)) {
    let stopped = 0
    const answer = source((sink) => sink.head(200, ['Content-Length', '5']), { stop: () => stopped++ })
    const { answer: got, outcome, client } = await ask(t, { response, answer })
    t.equal(got.status, 500, what)
    t.notMatch(client.text, /secret|X-Planted/, what)
    t.match(outcome, { result: 'failed', code: 'INTERNAL' }, what)
    t.equal(stopped, 1, what)
  }
})

t.test('a hook may change the status to one without a body', async (t) => {
  const { client, front } = await ask(t, {
    response: (x, head) => {
      if (x.path === '/none') head.status = 204
    },
    answer: source((sink) => sink.head(200, ['Content-Length', '5']) && sink.chunk(bytes('whole')) && sink.end()),
  })
  client.send(get('/none') + get('/after'))
  const answers = await client.answers(3)
  t.match(answers, [
    { status: 200, body: 'whole' },
    { status: 204, body: '' },
    { status: 200, body: 'whole' },
  ])
  t.notOk(answers[1]?.headers.has('content-length'))
  await front.ended(3)
})

/** One request whose answer is sent as far as `so far`, and then whatever `then` does to it. */
async function tear(t: Test, request: string, length: string[], sent: string, then: (sink: Sink) => void) {
  let sink: Sink | undefined
  const front = await startFront(t, {
    answer: source((opened) => {
      sink = opened
      sink.head(200, length)
      sink.chunk(bytes(sent))
    }),
  })
  const client = rawClient(t, front.url)
  client.send(request)
  await client.until((text) => text.includes(sent)) // what arrives together with a reset may hide it
  then(sink!)
  const ended = await client.ended
  return { ended, text: client.text, outcome: (await front.ended(1))[0] }
}

t.test('a body that is not as long as its head says never looks whole', async (t) => {
  const short = await tear(t, get(), ['Content-Length', '5'], 'ab', (sink) => sink.end())
  const long = await tear(t, get(), ['Content-Length', '2'], 'ab', (sink) => {
    sink.chunk(bytes('HTTP/1.1 200 OK\r\n\r\n'))
    sink.end()
  })
  for (const { ended, text, outcome } of [short, long]) {
    t.equal(ended, 'reset')
    t.equal(text.lastIndexOf('HTTP/1.1'), 0, 'nothing that reads as a second answer')
    t.match(outcome, { result: 'failed', status: 200, code: 'UPSTREAM_PROTOCOL_ERROR' })
  }
  const two = await ask(t, { answer: source((sink) => sink.head(200, ['Content-Length', '1', 'content-length', '2'])) })
  t.equal(two.answer.status, 502)
})

t.test('a torn body looks torn to every client', async (t) => {
  const cases: Record<string, [string, string[]]> = {
    chunked: [get(), []],
    'with a length': [get(), ['Content-Length', '100']],
    'HTTP/1.0': ['GET /x HTTP/1.0\r\n\r\n', []],
  }
  for (const [what, [request, length]] of Object.entries(cases)) {
    const torn = await tear(t, request, length, 'half of it', (sink) => sink.fail(fault('UPSTREAM_UNREACHABLE')))
    t.equal(torn.ended, 'reset', what)
    t.notMatch(torn.text, /\r\n0\r\n\r\n/, what)
    t.match(torn.outcome, { result: 'failed', status: 200, code: 'UPSTREAM_UNREACHABLE' }, what)
  }
})

t.test('a source that throws is a 500 before the head and a reset after it', async (t) => {
  const before = await ask(t, {
    answer: source(() => {
      throw new Error('secret')
    }),
  })
  t.equal(before.answer.status, 500)
  const front = await startFront(t, {
    answer: source((sink) => {
      sink.head(200, [])
      sink.chunk(bytes('a'))
      throw new Error('secret')
    }),
  })
  const client = rawClient(t, front.url)
  client.send(get())
  await client.ended
  t.notMatch(client.text, /0\r\n\r\n$/)
  t.match(await front.ended(1), [{ result: 'failed', code: 'INTERNAL' }])
})

t.test('a source that throws when it is stopped, or told of room, harms nobody else', async (t) => {
  const cancelled = await ask(t, {
    answer: source((_sink, x) => setImmediate(() => x.cancel(fault('STORE_UNAVAILABLE'))), {
      stop: () => {
        throw new Error('in stop')
      },
    }),
  })
  t.equal(cancelled.answer.status, 503)
  t.match(cancelled.outcome, { result: 'failed', code: 'STORE_UNAVAILABLE' })

  const front = await startFront(t, {
    answer: source(
      (sink) => {
        sink.head(200, [])
        while (sink.chunk(Buffer.alloc(1 << 20)));
      },
      {
        room: () => {
          throw new Error('in room')
        },
      },
    ),
  })
  const client = rawClient(t, front.url)
  client.send(get())
  await client.ended
  t.notMatch(client.text, /0\r\n\r\n$/)
  t.match(await front.ended(1), [{ result: 'failed', code: 'INTERNAL' }])
})

t.test('a source whose request is cancelled is stopped, before its head and after it', async (t) => {
  for (const head of [false, true]) {
    const stopped: unknown[] = []
    let cancel = () => {}
    const answer = (x: AnyExchange) =>
      x.stream({
        start(sink) {
          cancel = () => x.cancel(fault('STORE_UNAVAILABLE'))
          if (head) sink.head(200, [])
          else setImmediate(cancel)
        },
        room() {},
        stop: (why) => void stopped.push(why.code),
      })
    const front = await startFront(t, { answer })
    const client = rawClient(t, front.url)
    client.send(get())
    await client.until((text) => text.includes(head ? ' 200 ' : ' 503 '))
    if (head) cancel()
    t.match(await front.ended(1), [{ result: 'failed', code: 'STORE_UNAVAILABLE' }])
    t.same(stopped, ['STORE_UNAVAILABLE'])
  }
})

t.test('an upgrade whose head cannot be sent is a 500, and the connection to the service is closed', async (t) => {
  const written: unknown[] = []
  const res = { writeHead: (status: number) => written.push(status), end() {}, writableLength: 0, socket: null }
  const owner = {
    ...{ id: '1', method: 'GET', limits: defaultLimits, routeId: undefined, serviceName: undefined },
    handshake: { refuses: () => undefined },
    edit: () => fail(),
    closing: () => true,
    clientFault: () => undefined,
    failed() {},
    defect() {},
  }
  const answer = new Answer(res as unknown as ClientAnswer, owner as unknown as AnswerOwner)
  answer.pump({ start() {}, room() {}, stop() {} })
  const upstream = new PassThrough()
  t.equal(answer.upgraded([], upstream), undefined)
  t.ok(upstream.destroyed)
  t.same(written, [500])
})

function fail(): never {
  throw new Error('in a hook')
}

t.test('whatever a source says after its end is ignored', async (t) => {
  const { answer, client } = await ask(t, {
    answer: source((sink) => {
      sink.head(200, ['Content-Length', '2'])
      sink.chunk(bytes('ok'))
      sink.end()
      t.equal(sink.open, false)
      t.equal(sink.head(200, []), false)
      t.equal(sink.chunk(bytes('more')), false)
      sink.inform(103, ['Link', '</a>; rel=preload'])
      sink.end()
      sink.fail(fault('UPSTREAM_UNREACHABLE'))
    }),
  })
  t.match(answer, { status: 200, body: 'ok' })
  t.equal(client.text.split('HTTP/1.1').length, 2)
})

t.test('an interim answer that cannot be sent is left out', async (t) => {
  const { answer, client } = await ask(t, {
    answer: source((sink) => {
      sink.inform(103, ['Link', 'no link at all'])
      sink.inform(103, ['Link', '</a.css>; rel=preload', 'X-Other', '1'])
      sink.head(200, ['Content-Length', '0'], 'Fine\r\nX-Planted: 1')
      sink.end()
    }),
  })
  t.equal(answer.status, 200)
  t.match(client.text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 /)
  t.notMatch(client.text, /X-Planted|X-Other|no link/)
})

t.test('answers that have no body are sent without one', async (t) => {
  const front = await startFront(t, {
    answer: source((sink, x) => {
      sink.head(Number(x.path.slice(1)), ['Content-Length', '3'])
      sink.chunk(bytes('abc'))
      sink.end()
    }),
  })
  const client = rawClient(t, front.url)
  client.send(get('/204') + get('/304') + get('/200'))
  t.match(await client.answers(3), [
    { status: 204, body: '' },
    { status: 304, body: '' },
    { status: 200, body: 'abc' },
  ])
  const head = rawClient(t, front.url)
  head.send('HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await head.until((text) => text.endsWith('\r\n\r\n')), /Content-Length: 3\r\n/)
})

t.test('a body whose length is told arrives byte for byte, whole or in pieces, at once or later', async (t) => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  const bodies = [all, Buffer.alloc(8_192, all), Buffer.alloc(8_193, all), Buffer.alloc(100_000, all)]
  for (const body of bodies) {
    for (const pieces of [[body], [body.subarray(0, 100), body.subarray(100)]]) {
      for (const wait of [false, true]) {
        const answer = source(async (sink) => {
          sink.head(200, ['Content-Length', String(body.length)])
          for (const piece of pieces) {
            if (wait) await new Promise((resolve) => setImmediate(resolve))
            sink.chunk(piece)
          }
          sink.end()
        })
        const { answer: got, outcome, client, front } = await ask(t, { answer })
        t.ok(Buffer.from(got.body, 'latin1').equals(body), `${body.length} bytes in ${pieces.length}`)
        t.match(outcome, { result: 'completed', bytesOut: body.length })
        client.send(get('/again'))
        await front.ended(2)
      }
    }
  }
})

t.test('a client that takes nothing more is let go of, and the source with it', async (t) => {
  let fill = () => {}
  let stopped = 0
  const answer = source(
    (sink) => {
      sink.head(200, [])
      fill = () => {
        while (sink.chunk(Buffer.alloc(1 << 20)));
      }
      fill()
    },
    { room: () => fill(), stop: () => stopped++ },
  )
  const front = await startFront(t, { answer }, { sendIdle: 100 })
  rawClient(t, front.url, { reading: false }).send(get())
  t.match(await front.ended(1), [{ result: 'aborted', code: 'CLIENT_CLOSED', status: 200 }])
  t.equal(stopped, 1)
})
