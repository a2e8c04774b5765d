import t from 'tap'
import { fault } from '../../../../core/index.ts'
import type { Session, SessionData } from '../../../../plugins/lib/session/session.ts'
import type { SessionStore } from '../../../../plugins/lib/session/session-store.ts'
import { makeSessions } from '../../../../plugins/lib/session/sessions.ts'
import { MemoryStore } from '../../../../plugins/session-store/memory.ts'
import { oauthError, quiet, ring, stand } from './broker-kit.ts'

/** Rejects writes while it is away, as a store across a network does. */
function farStore() {
  const store: SessionStore = new MemoryStore()
  const put = store.put.bind(store)
  const far = { away: false, store }
  store.put = (...args) => (far.away ? Promise.reject(fault('STORE_UNAVAILABLE')) : put(...args))
  return far
}

t.test('a rotated refresh token is written as soon as the store is back', async (t) => {
  const far = farStore()
  const { broker, session, sessions, clock, idp } = await stand({ store: far.store, services: ['a', 'b'] })
  far.away = true
  const waiting = broker.credential(session, 'a')
  await clock.pass(5000)
  t.match(await waiting, { kind: 'unavailable', what: 'store' }, 'the store is to blame, not the IdP')
  t.match(broker.credential(session, 'b'), { kind: 'unavailable', what: 'store' }, 'nobody spends the spent one')
  await clock.pass(60_000)
  t.equal(idp.asked.length, 1)
  far.away = false
  await clock.pass(2000)
  t.equal(sessions.secretsOf(session).refreshToken, 'R1')
  t.notOk(broker.credential(session, 'a') instanceof Promise, 'the token is there')
  await broker.credential(session, 'b')
  t.equal(idp.reused, 0)
})

t.test('a new refresh token lives as long as the one before did', async (t) => {
  const life = 1_800_000
  const { broker, session, sessions, clock } = await stand({
    data: { refreshLife: life, refreshUntil: Date.now() + 600_000 },
  })
  await broker.credential(session, 'analytics')
  t.equal(sessions.secretsOf(session).refreshUntil, clock.now() + life)
})

t.test('after five minutes it is given up, loudly', async (t) => {
  const far = farStore()
  const { broker, session, clock, log, queue } = await stand({ store: far.store })
  far.away = true
  const waiting = broker.credential(session, 'analytics')
  await clock.pass(310_000)
  await waiting
  await quiet()
  t.equal(log.find('rotated_refresh_token_lost')?.level, 'error')
  t.equal(queue.size, 0, 'and the queue goes on')
})

t.test('with an IdP that does not rotate, a store that is away is said at once', async (t) => {
  const far = farStore()
  const { broker, session, idp } = await stand({ store: far.store })
  idp.instead = async (asked) => {
    const { accessToken, expiresAt } = await idp.give(asked)
    return { accessToken, expiresAt }
  }
  far.away = true
  t.match(await broker.credential(session, 'analytics'), { kind: 'unavailable', what: 'store' })
})

/** Another process puts its refresh token there. */
const rotatedElsewhere = (data: SessionData): SessionData => ({ ...data, refreshToken: 'R9' })

t.test('a refresh token that came later than ours is not written over', async (t) => {
  const { broker, session, sessions, idp } = await stand()
  idp.instead = async (asked) => {
    const answer = await idp.give(asked)
    await sessions.update(session, rotatedElsewhere)
    return answer
  }
  t.match(await broker.credential(session, 'analytics'), { audience: 'https://analytics.test' })
  t.equal(sessions.secretsOf(session).refreshToken, 'R9')
})

t.test('a token that was found spent because another process redeemed it costs no session', async (t) => {
  const { broker, session, sessions, idp } = await stand()
  idp.instead = async () => {
    await sessions.update(session, rotatedElsewhere)
    idp.instead = ({ params }) => idp.give({ refreshToken: 'R0', params })
    throw oauthError('invalid_grant')
  }
  t.match(await broker.credential(session, 'analytics'), { audience: 'https://analytics.test' })
  t.same(
    idp.asked.map(({ refreshToken }) => refreshToken),
    ['R0', 'R9'],
  )
})

t.test('nor where the other one writes in the very moment in which ours gives up', async (t) => {
  const store: SessionStore = new MemoryStore()
  const { broker, session, sessions, idp } = await stand({ store })
  const put = store.put.bind(store)
  idp.instead = async () => {
    store.put = (key, value, opts) => {
      store.put = put
      const elsewhere = makeSessions(store, ring, 3_600_000)
      const opened = elsewhere.open(sessions.idOf(session)) as Session
      const written = elsewhere.update(opened, rotatedElsewhere)
      return written.then(() => put(key, value, opts))
    }
    idp.instead = ({ params }) => idp.give({ refreshToken: 'R0', params })
    throw oauthError('invalid_grant')
  }
  t.match(await broker.credential(session, 'analytics'), { audience: 'https://analytics.test' })
  t.equal(idp.asked[1]?.refreshToken, 'R9')
})

t.test('nor where it takes its time, having lost its lease', async (t) => {
  const store = new MemoryStore()
  const far: SessionStore = Object.create(store, { reach: { value: 'cluster' } })
  for (const name of ['get', 'put', 'delete', 'lease', 'settled'] as const) far[name] = store[name].bind(store) as never
  const { broker, session, sessions, idp, clock } = await stand({ store: far })
  idp.instead = async () => {
    clock.after(700, () => void sessions.update(session, rotatedElsewhere))
    idp.instead = ({ params }) => idp.give({ refreshToken: 'R0', params })
    throw oauthError('invalid_grant')
  }
  const waiting = broker.credential(session, 'analytics')
  await clock.pass(1_500)
  t.match(await waiting, { audience: 'https://analytics.test' })
})
