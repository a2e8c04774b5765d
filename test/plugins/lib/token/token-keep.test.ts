import t from 'tap'
import { fault } from '../../../../core/index.ts'
import type { SessionStore } from '../../../../plugins/lib/session/session-store.ts'
import { MemoryStore } from '../../../../plugins/session-store/memory.ts'
import { quiet, stand } from './broker-kit.ts'

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
