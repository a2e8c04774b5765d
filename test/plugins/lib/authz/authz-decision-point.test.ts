import t from 'tap'
import type { Dispatcher } from 'undici'
import { DecisionPoint } from '../../../../plugins/lib/authz/authz-decision-point.ts'

type Answer = { readonly status?: number; readonly text: string } | Error

/** A pool that gives these answers in turn, and keeps what it was asked; `wait` holds an answer back. */
function pool(answers: readonly Answer[], wait: Promise<void> = Promise.resolve()) {
  const asked: string[] = []
  const request = async ({ body }: { readonly body?: unknown }) => {
    const answer = answers[asked.push(String(body)) - 1] ?? new Error('asked too often')
    await wait
    if (answer instanceof Error) throw answer
    return { statusCode: answer.status ?? 200, body: chunks(answer.text) }
  }
  return { asked, request: request as unknown as Dispatcher['request'] }
}

function gate() {
  let resolve = () => {}
  const promise = new Promise<void>((open) => {
    resolve = open
  })
  return { promise, resolve: () => resolve() }
}

async function* chunks(text: string) {
  yield new TextEncoder().encode(text)
}

const yes = { text: '{"decision":true}' }
const no = { text: '{"decision":false}' }

function point(from: ReturnType<typeof pool>, cache = { allow: 0, deny: 0 }, clock = { now: () => 0 }) {
  const settings = { base_url: 'http://pdp.test', timeout: 1_000, cache, token: null }
  return new DecisionPoint(from, settings, clock)
}

t.test('one question at one time is asked once, and again afterwards', async (t) => {
  const { promise, resolve } = gate()
  const from = pool([yes, no], promise)
  const pdp = point(from)
  const many = ['q', 'q', 'q'].map((question) => pdp.decide(question, 'id'))
  resolve()
  t.same(await Promise.all(many), [{ kind: 'allow' }, { kind: 'allow' }, { kind: 'allow' }])
  t.same(from.asked, ['q'])
  t.same(await pdp.decide('q', 'id'), { kind: 'deny' })
})

t.test('allow and deny are kept for times of their own, and known ones need no promise', async (t) => {
  let now = 0
  const from = pool([yes, no, no, yes])
  const pdp = point(from, { allow: 100, deny: 10 }, { now: () => now })
  t.same(await pdp.decide('a', 'id'), { kind: 'allow' })
  t.same(await pdp.decide('b', 'id'), { kind: 'deny' })
  now = 9
  t.same([pdp.decide('a', 'id'), pdp.decide('b', 'id')], [{ kind: 'allow' }, { kind: 'deny' }])
  now = 10
  t.same([pdp.decide('a', 'id'), await pdp.decide('b', 'id')], [{ kind: 'allow' }, { kind: 'deny' }])
  now = 100
  t.same(await pdp.decide('a', 'id'), { kind: 'allow' })
  t.same(from.asked, ['a', 'b', 'b', 'a'])
})

t.test('a question on a connection that was just closed is asked once more, and once only', async (t) => {
  const closed = () => Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' })
  const from = pool([closed(), yes])
  t.same(await point(from).decide('q', 'id'), { kind: 'allow' })
  t.match(await point(pool([closed(), closed(), yes])).decide('q', 'id'), { kind: 'unknown', why: 'pdp_unreachable' })
  const refused = pool([Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), yes])
  t.match(await point(refused).decide('q', 'id'), { kind: 'unknown', why: 'pdp_unreachable' })
})

t.test('questions without end are refused, not heaped up', async (t) => {
  const { promise, resolve } = gate()
  const from = pool(Array(1024).fill(yes), promise)
  const pdp = point(from)
  const open = Array.from({ length: 1024 }, (_, i) => pdp.decide(`q${i}`, 'id'))
  t.match(await pdp.decide('one more', 'id'), { kind: 'unknown', why: 'pdp_busy' })
  resolve()
  t.ok((await Promise.all(open)).every(({ kind }) => kind === 'allow'))
  t.equal(from.asked.length, 1024)
})
