import t from 'tap'
import { makeSessionEnder } from '../../../../plugins/lib/session/end-sessions.ts'
import { KeyRing } from '../../../../plugins/lib/session/seal.ts'
import type { SessionData } from '../../../../plugins/lib/session/session.ts'
import { makeSessions } from '../../../../plugins/lib/session/sessions.ts'
import { MemoryStore } from '../../../../plugins/session-store/memory.ts'

const ring = new KeyRing(['a key with more than thirty-two bytes'])

function data(more: Partial<SessionData>): SessionData {
  return {
    v: 1,
    ...{ issuer: 'https://idp.test', origin: 'https://app.test', provider: 'idp', sub: 'ada', user: { sub: 'ada' } },
    ...{ authTime: Date.now(), createdAt: Date.now(), endsAt: Date.now() + 60_000 },
    ...{ grantedScopes: '', grantedResources: [], services: {} },
    ...more,
  }
}

function start() {
  const store = new MemoryStore()
  const sessions = makeSessions(store, ring, 60_000)
  const opens = async (id: string) => (await sessions.open(id)) !== undefined
  return { store, sessions, opens, ender: makeSessionEnder(store, ring, sessions) }
}

t.test(
  'the issuer’s final slash is forgiven, and another issuer’s user of the same name is somebody else',
  async (t) => {
    const { sessions, ender, opens } = start()
    const bare = await sessions.create(data({}))
    const slashed = await sessions.create(data({ issuer: 'https://idp.test/' }))
    const other = await sessions.create(data({ issuer: 'https://other.test' }))
    t.equal(await ender.end({ issuer: 'https://idp.test', sub: 'ada' }, 'operator'), 2)
    t.strictSame(await Promise.all([bare, slashed, other].map(({ id }) => opens(id))), [false, false, true])
    t.equal(await ender.end({ issuer: 'https://other.test/', sub: 'ada' }, 'operator'), 1)
    t.equal(await ender.end({ issuer: 'https://other.test/', sub: 'ada' }, 'operator'), 0)
  },
)

t.test('of a user’s sessions a sid ends its own; where both are given, both must fit', async (t) => {
  const { sessions, ender, opens } = start()
  const one = await sessions.create(data({ sid: 's1' }))
  const two = await sessions.create(data({ sid: 's2' }))
  const whose = { issuer: 'https://idp.test', sid: 's1' }
  t.equal(await ender.end({ ...whose, sub: 'eve' }, 'logout'), 0)
  t.equal(await ender.end({ ...whose, sub: 'ada' }, 'logout'), 1)
  t.strictSame([await opens(one.id), await opens(two.id)], [false, true])
})

t.test('a session whose sid changed is found by the new one alone', async (t) => {
  const { sessions, ender, opens } = start()
  const { id, session } = await sessions.create(data({ sid: 's1' }))
  await sessions.update(session, (now) => ({ ...now, sid: 's2' }))
  t.equal(await ender.end({ issuer: 'https://idp.test', sid: 's1' }, 'logout'), 0)
  t.ok(await opens(id))
  t.equal(await ender.end({ issuer: 'https://idp.test', sid: 's2' }, 'logout'), 1)
  t.notOk(await opens(id))
})
