import { inspect } from 'node:util'
import t from 'tap'
import { KeyRing } from '../../../../plugins/lib/session/seal.ts'
import type { Session, SessionData } from '../../../../plugins/lib/session/session.ts'
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
    user: { sub: 'ada', email: 'ada@app.test' },
    authTime: Date.now(),
    createdAt: Date.now(),
    endsAt: Date.now() + hour,
    refreshToken: 'rt-1',
    grantedScopes: 'openid',
    grantedResources: [],
    services: {},
    ...more,
  }
}

/** The same store as a network would show it: every answer a promise. */
function slow(store: SessionStore): SessionStore {
  return {
    reach: 'cluster',
    get: async (...given) => store.get(...given),
    put: async (...given) => store.put(...given),
    touch: async (...given) => store.touch(...given),
    delete: async (...given) => store.delete(...given),
    take: async (...given) => store.take(...given),
    find: (index) => store.find(index),
    lease: async (...given) => store.lease(...given),
  }
}

function opened(found: unknown): Session {
  if (found === undefined || found instanceof Promise) throw new Error('a session was expected at once')
  return found as Session
}

for (const [name, wrap] of [
  ['memory', (s: SessionStore) => s],
  ['a store across a network', slow],
] as const) {
  t.test(`on ${name}`, async (t) => {
    const store = new MemoryStore()
    const sessions = makeSessions(wrap(store), ring, hour)
    const other = makeSessions(wrap(store), ring, hour)

    t.test('a created session opens by its id, in another process too', async (t) => {
      const { id, session } = await sessions.create(data())
      t.match(id, /^[A-Za-z0-9_-]{43}$/)
      t.equal(await sessions.open(id), session)
      const there = await other.open(id)
      t.equal(there?.sub, 'ada')
      t.equal(there && other.secretsOf(there).refreshToken, 'rt-1')
    })

    t.test('an update is seen by all holders, and by the other process', async (t) => {
      const { id, session } = await sessions.create(data())
      const there = await other.open(id)
      await sessions.update(session, (now) => ({ ...now, refreshToken: 'rt-2' }))
      t.equal(sessions.secretsOf(session).refreshToken, 'rt-2')
      t.equal(await other.open(id), there, 'the Session object stays')
      t.equal(there && other.secretsOf(there).refreshToken, 'rt-2')
    })

    t.test('two processes that update at once both get their change in', async (t) => {
      const { id, session } = await sessions.create(data({ grantedScopes: '' }))
      const there = await other.open(id)
      if (there === undefined) throw new Error('not open')
      const add = (word: string) => (now: SessionData) => ({ ...now, grantedScopes: `${now.grantedScopes}${word}` })
      await Promise.all(
        ['a', 'b', 'c', 'd'].flatMap((word) => [sessions.update(session, add(word)), other.update(there, add(word))]),
      )
      await sessions.open(id)
      t.equal([...sessions.secretsOf(session).grantedScopes].sort().join(''), 'aabbccdd')
    })

    t.test('an ended session is gone for everybody, and no late update brings it back', async (t) => {
      const { id, session } = await sessions.create(data())
      const there = await other.open(id)
      if (there === undefined) throw new Error('not open')
      await sessions.end(session)
      t.equal(await sessions.open(id), undefined)
      t.equal(await sessions.update(session, (now) => ({ ...now, refreshToken: 'late' })), 'gone')
      t.equal(await other.update(there, (now) => ({ ...now, refreshToken: 'late' })), 'gone')
      t.equal(await other.open(id), undefined)
      t.equal(store.get(sessions.keyOf(session)), undefined)
    })

    t.test('it can be ended by its key alone', async (t) => {
      const { id, session } = await sessions.create(data())
      await other.endKey(sessions.keyOf(session))
      t.equal(await sessions.open(id), undefined)
    })

    t.test('it ends at its absolute end', async (t) => {
      const { id } = await sessions.create(data({ endsAt: Date.now() - 1 }))
      t.equal(await other.open(id), undefined)
    })
  })
}

t.test('a warm request on memory costs no promise and no unsealing', async (t) => {
  let unsealed = 0
  class Counting extends KeyRing {
    override open(...given: Parameters<KeyRing['open']>) {
      unsealed++
      return super.open(...given)
    }
  }
  const sessions = makeSessions(new MemoryStore(), new Counting(['a key with more than thirty-two bytes']), hour)
  const { id, session } = await sessions.create(data())
  for (let n = 0; n < 5; n++) t.equal(opened(sessions.open(id)), session)
  t.equal(unsealed, 0)
})

t.test('what is no id of ours never reaches the store', async (t) => {
  const store = new MemoryStore()
  let asked = 0
  const get = store.get.bind(store)
  store.get = (...given) => {
    asked++
    return get(...given)
  }
  const sessions = makeSessions(store, ring, hour)
  for (const id of ['', 'x', 'a'.repeat(42), 'a'.repeat(44), `${'a'.repeat(42)}=`, `${'a'.repeat(42)}\n`, '__proto__'])
    t.equal(sessions.open(id), undefined)
  t.equal(asked, 0)
})

t.test('a session is touched when a tenth of its idle time passed, not at each request', async (t) => {
  const store = new MemoryStore()
  let touched = 0
  const touch = store.touch.bind(store)
  store.touch = (...given) => {
    touched++
    return touch(...given)
  }
  const sessions = makeSessions(store, ring, hour)
  const { id } = await sessions.create(data())
  for (let n = 0; n < 20; n++) sessions.open(id)
  t.equal(touched, 0)
  const real = performance.now
  t.teardown(() => {
    performance.now = real
  })
  performance.now = () => real.call(performance) + hour / 10
  for (let n = 0; n < 20; n++) sessions.open(id)
  t.equal(touched, 1)
  performance.now = () => real.call(performance) + hour / 10 + hour
  t.equal(sessions.open(id), undefined, 'idle for too long')
})

t.test('a wall clock that jumps either way ends no open session', async (t) => {
  const sessions = makeSessions(new MemoryStore(), ring, hour)
  const { id } = await sessions.create(data())
  const real = Date.now
  t.teardown(() => {
    Date.now = real
  })
  for (const jump of [-300_000, 300_000, 2 * hour]) {
    Date.now = () => real() + jump
    t.ok(sessions.open(id), `${jump} ms`)
  }
})

t.test('a dump of the store and a print of the session show no secret', async (t) => {
  const store = new MemoryStore()
  const sessions = makeSessions(store, ring, hour)
  const { id, session } = await sessions.create(data())
  const found = store.get(sessions.keyOf(session))
  const dump = sessions.keyOf(session) + (found === undefined || found === 'same' ? '' : found.value.toString())
  for (const secret of [id, 'rt-1', 'ada']) t.notOk(dump.includes(secret))
  t.equal(inspect(session), `session ${session.hash}`)
  t.equal(JSON.stringify({ session }), JSON.stringify({ session: `session ${session.hash}` }))
  t.throws(() => sessions.secretsOf({ ...session }), /not a session that was opened here/)
})

t.test('a session of a key that left the ring is no session', async (t) => {
  const store = new MemoryStore()
  const { id } = await makeSessions(store, ring, hour).create(data())
  t.equal(makeSessions(store, new KeyRing(['another key of more than 32 bytes, too']), hour).open(id), undefined)
  t.ok(
    makeSessions(
      store,
      new KeyRing(['the newest key, longer than 32 bytes', 'a key with more than thirty-two bytes']),
      hour,
    ).open(id),
  )
})

t.test('a store that is away rejects: it never says absent', async (t) => {
  const store = slow(new MemoryStore())
  const sessions = makeSessions(store, ring, hour)
  const { id, session } = await sessions.create(data())
  store.get = () => Promise.reject(new Error('away'))
  store.delete = () => Promise.reject(new Error('away'))
  await t.rejects(async () => sessions.open(id), /away/)
  await t.rejects(sessions.end(session), /away/)
})

t.test('with a store that tells of changes, opened sessions are believed until it does', async (t) => {
  const store = new MemoryStore()
  let tell: (key: string) => void = () => {}
  let lose: () => void = () => {}
  let asked = 0
  const watched: SessionStore = {
    ...slow(store),
    get: (...given) => {
      asked++
      return Promise.resolve(store.get(...given))
    },
    watch: (changed, lost) => {
      tell = changed
      lose = lost
      return () => {}
    },
  }
  const sessions = makeSessions(watched, ring, hour)
  const { id, session } = await sessions.create(data())
  t.equal(opened(sessions.open(id)), session)
  t.equal(asked, 0)
  store.delete(sessions.keyOf(session))
  tell(sessions.keyOf(session))
  t.equal(await sessions.open(id), undefined)
  const next = await sessions.create(data())
  lose()
  t.ok(sessions.open(next.id) instanceof Promise, 'after a loss it is asked again')
})
