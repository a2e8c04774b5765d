import { setImmediate } from 'node:timers'
import t from 'tap'
import type { Session } from '../../../../plugins/lib/session/session.ts'
import { type Bound, SessionWatch, TICK_MS } from '../../../../plugins/lib/session/session-watch.ts'

const session = {} as Session

class Recorded implements Bound {
  used = 0
  ends = 0
  readonly checks: boolean[] = []
  check(used: boolean): void {
    this.checks.push(used)
  }
  ended(): void {
    this.ends++
  }
}

function start({ told = false, lives = (): boolean | Promise<boolean> => true } = {}) {
  const calls: string[] = []
  const state = { over: false, idle: false, uses: 0, lives }
  const watched = {
    over: () => state.over,
    idle: () => state.idle,
    lives: () => {
      calls.push('lives')
      return state.lives()
    },
    use: () => {
      calls.push('use')
      return state.lives()
    },
    uses: () => state.uses,
  }
  return { watch: new SessionWatch(watched, told), calls, state }
}

t.test('one question a session and tick, however many are bound', async (t) => {
  const { watch, calls } = start()
  for (let i = 0; i < 100; i++) watch.bind('a', session, new Recorded())
  watch.tick()
  t.same(calls, ['lives'])
  t.equal(watch.size, 100)
})

t.test('a store that tells of changes is asked once in a while', async (t) => {
  const { watch, calls, state } = start({ told: true })
  watch.bind('a', session, new Recorded())
  for (let ms = 0; ms < 29_000; ms += TICK_MS) watch.tick()
  t.same(calls, [])
  watch.doubt('a')
  watch.doubt('nobody')
  watch.doubtAll()
  t.same(calls, ['lives', 'lives'])
  for (let ms = 0; ms < 31_000; ms += TICK_MS) watch.tick()
  t.equal(calls.length, 3)
  state.idle = true
  watch.tick()
  t.equal(calls.length, 4, 'and at once where nothing has used it for too long')
})

t.test('use by one that is bound counts; what it had used before it left does not count twice', async (t) => {
  const { watch, calls } = start({ told: true })
  const [a, b] = [new Recorded(), new Recorded()]
  const leave = watch.bind('a', session, a)
  watch.bind('a', session, b)
  a.used = 5
  watch.tick()
  leave()
  watch.tick()
  t.same(calls, ['use'])
  b.used = 1
  watch.tick()
  t.same(calls, ['use', 'use'])
  t.same(b.checks, [true, false, true])
})

t.test('all that is bound hears of the end once, and nothing is kept', async (t) => {
  for (const how of ['ended', 'over', 'gone', 'gone late', 'closed'] as const) {
    const lives = how === 'gone' ? () => false : how === 'gone late' ? () => Promise.resolve(false) : () => true
    const { watch, state } = start({ lives })
    const both = [new Recorded(), new Recorded()]
    const leaves = both.map((each) => watch.bind('a', session, each))
    state.over = how === 'over'
    if (how === 'closed') watch.close()
    else if (how === 'ended') watch.ended('a')
    else watch.tick()
    await Promise.resolve()
    await Promise.resolve()
    watch.ended('a')
    t.same(
      both.map(({ ends }) => ends),
      [1, 1],
      how,
    )
    t.equal(watch.size, 0, how)
    for (const leave of leaves) leave()
  }
})

t.test('a store that is away ends nothing, and is not asked again before it answered', async (t) => {
  let reject = (_error: Error) => {}
  const lives = () =>
    new Promise<boolean>((_, no) => {
      reject = no
    })
  const { watch, calls } = start({ lives })
  const bound = new Recorded()
  watch.bind('a', session, bound)
  watch.tick()
  watch.tick()
  t.same(calls, ['lives'])
  reject(new Error('away'))
  await Promise.resolve()
  await Promise.resolve()
  watch.tick()
  t.equal(calls.length, 2)
  t.equal(bound.ends, 0)

  const throwing = start({
    lives: () => {
      throw new Error('away')
    },
  })
  throwing.watch.bind('a', session, bound)
  throwing.watch.tick()
  t.equal(bound.ends, 0)
})

t.test('thousands of one session end in slices, and others have their turn between', async (t) => {
  const { watch } = start()
  const all = Array.from({ length: 5_000 }, () => new Recorded())
  const over = () => all.filter(({ ends }) => ends === 1).length
  for (const bound of all) watch.bind('a', session, bound)
  const turns: number[] = []
  watch.ended('a')
  for (turns.push(over()); over() < all.length; turns.push(over())) await new Promise((next) => setImmediate(next))
  t.same([...new Set(turns)], [2_000, 4_000, 5_000])
  watch.ended('a')
  t.equal(over(), all.length, 'once each')
})
