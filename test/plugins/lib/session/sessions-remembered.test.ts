// What a process goes by between two questions to the store, and what it does about answers that come late.
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers'
import t, { type Test } from 'tap'
import { KeyRing } from '../../../../plugins/lib/session/seal.ts'
import type { SessionData } from '../../../../plugins/lib/session/session.ts'
import type { SessionStore } from '../../../../plugins/lib/session/session-store.ts'
import { makeSessions } from '../../../../plugins/lib/session/sessions.ts'
import { MemoryStore } from '../../../../plugins/session-store/memory.ts'

const ring = new KeyRing(['a key with more than thirty-two bytes'])
const hour = 3_600_000

function data(more: Partial<SessionData> = {}): SessionData {
  return {
    v: 1,
    issuer: 'https://idp.test',
    origin: 'https://app.test',
    sub: 'ada',
    provider: 'idp',
    user: { sub: 'ada' },
    authTime: Date.now(),
    createdAt: Date.now(),
    endsAt: Date.now() + hour,
    refreshToken: 'rt-1',
    grantedScopes: '',
    grantedResources: [],
    services: {},
    ...more,
  }
}

/** As a network would show it: every answer a promise. */
function slow(store: SessionStore, more: Partial<SessionStore> = {}): SessionStore {
  return {
    reach: 'cluster',
    get: async (...given) => store.get(...given),
    put: async (...given) => store.put(...given),
    touch: async (...given) => store.touch(...given),
    delete: async (...given) => store.delete(...given),
    take: async (...given) => store.take(...given),
    find: (index) => store.find(index),
    lease: async (...given) => store.lease(...given),
    ...more,
  }
}

/** Moves the monotonic clock for the rest of this test. */
function later(t: Test): (ms: number) => void {
  const real = performance.now
  let moved = 0
  performance.now = () => real.call(performance) + moved
  t.teardown(() => {
    performance.now = real
  })
  return (ms) => {
    moved += ms
  }
}

/** Whoever asks for a record is told what was there when it asked, but not before `release`. */
function holding(store: SessionStore) {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let held = false
  const get: SessionStore['get'] = (...given) => {
    const found = store.get(...given)
    if (held) return Promise.resolve(found)
    held = true
    return released.then(() => found)
  }
  return { get, release: () => release() }
}

/** A session that another process has changed, and that is changed here while the store answers what it had by then. */
async function overtaken(ask: 'a request' | 'the watch') {
  const store = new MemoryStore()
  const elsewhere = makeSessions(slow(store), ring, hour)
  const answers = holding(store)
  const here = makeSessions(slow(store, { get: answers.get }), ring, hour)
  const { id, session } = await here.create(data())
  const there = await elsewhere.open(id)
  await elsewhere.update(there!, (now) => ({ ...now, refreshToken: 'rt-2' }))
  here.bind(session, { used: 0, ended: () => {} })
  const late = ask === 'a request' ? here.open(id) : here.tick()
  await here.update(session, (now) => ({ ...now, refreshToken: 'rt-3' }))
  answers.release()
  await late
  await new Promise((resolve) => setImmediate(resolve))
  return here.secretsOf(session).refreshToken
}

t.test('an answer that was overtaken brings no spent refresh token back', async (t) => {
  for (const ask of ['a request', 'the watch'] as const) t.equal(await overtaken(ask), 'rt-3', `asked by ${ask}`)
})

t.test('a store that tells of changes may miss one: it is believed for five seconds', async (t) => {
  const forward = later(t)
  const store = new MemoryStore()
  const sessions = makeSessions(slow(store, { watch: () => () => {} }), ring, hour)
  const { id, session } = await sessions.create(data())
  store.delete(sessions.keyOf(session))
  forward(4_000)
  t.equal(sessions.open(id), session)
  forward(5_001)
  t.equal(await sessions.open(id), undefined)
})

t.test('idle for too long, it is not believed either', async (t) => {
  const forward = later(t)
  const sessions = makeSessions(slow(new MemoryStore(), { watch: () => () => {} }), ring, 1_000)
  const { id } = await sessions.create(data())
  forward(1_500)
  t.equal(await sessions.open(id), undefined)
})

t.test('a touch that failed is made up by the next request', async (t) => {
  const forward = later(t)
  const store = new MemoryStore()
  let away = true
  const touch: SessionStore['touch'] = (...given) => {
    if (!away) return store.touch(...given)
    away = false
    return Promise.reject(new Error('away'))
  }
  const sessions = makeSessions(slow(store, { touch }), ring, hour)
  const { id } = await sessions.create(data({ endsAt: Date.now() + 9 * hour }))
  forward(hour / 2)
  t.ok(await sessions.open(id), 'its touch fails')
  t.ok(await sessions.open(id))
  forward(0.75 * hour)
  t.ok(await sessions.open(id), 'more than an hour after it began, less after its last use')
})

t.test('no record is kept past the end of its session', async (t) => {
  const forward = later(t)
  const store = new MemoryStore()
  const ttls: number[] = []
  const put: SessionStore['put'] = (key, value, opts) => {
    ttls.push(opts.ttl)
    return store.put(key, value, opts)
  }
  const touch: SessionStore['touch'] = (key, ttl) => {
    ttls.push(ttl)
    return store.touch(key, ttl)
  }
  const sessions = makeSessions(slow(store, { put, touch }), ring, 9 * hour)
  const { id, session } = await sessions.create(data({ endsAt: Date.now() + hour }))
  await sessions.update(session, (now) => ({ ...now, refreshToken: 'rt-2' }))
  forward(0.95 * hour)
  await sessions.open(id)
  t.equal(ttls.length, 3)
  t.ok(ttls[0]! <= hour && ttls[1]! <= hour && ttls[2]! <= 0.06 * hour, ttls.join(', '))
})

t.test('a refresh token that lives on takes the session along, in other processes too', async (t) => {
  const forward = later(t)
  const store = new MemoryStore()
  const here = makeSessions(slow(store), ring, 9 * hour)
  const elsewhere = makeSessions(slow(store), ring, 9 * hour)
  const { id, session } = await here.create(data({ refreshUntil: Date.now() + hour / 2 }))
  t.ok(await elsewhere.open(id))
  await here.update(session, (now) => ({ ...now, refreshUntil: now.endsAt }))
  forward(0.75 * hour)
  t.equal(await here.open(id), session)
  t.ok(await elsewhere.open(id))
})

t.test('without a new refresh token it ends with the one it has', async (t) => {
  const forward = later(t)
  const sessions = makeSessions(new MemoryStore(), ring, 9 * hour)
  const { id } = await sessions.create(data({ refreshUntil: Date.now() + hour / 2 }))
  t.ok(sessions.open(id))
  forward(0.75 * hour)
  t.equal(sessions.open(id), undefined)
})

t.test('what is bound to a session ends with it at once, and nothing is bound to one that is over', async (t) => {
  const sessions = makeSessions(new MemoryStore(), ring, hour)
  const ends: string[] = []
  const bound = (name: string) => ({ used: 0, ended: () => void ends.push(name) })
  const one = await sessions.create(data())
  sessions.bind(one.session, bound('signed out'))
  await sessions.end(one.session)
  const other = await sessions.create(data())
  sessions.bind(other.session, bound('ended by its key'))
  await sessions.endKey(sessions.keyOf(other.session))
  t.same(ends, ['signed out', 'ended by its key'])
  for (const { session } of [one, other]) t.equal(sessions.bind(session, bound('too late')), undefined)
})

t.test('a session that two have ended is counted once', async (t) => {
  const counted: string[] = []
  const tally = { opened: () => {}, ended: (reason: string) => void counted.push(reason) }
  const sessions = makeSessions(new MemoryStore(), ring, hour, tally)
  const { session } = await sessions.create(data())
  await sessions.end(session, 'logout')
  await sessions.end(session, 'grant_lost')
  await sessions.endKey(sessions.keyOf(session), 'operator')
  t.same(counted, ['logout'])
})
