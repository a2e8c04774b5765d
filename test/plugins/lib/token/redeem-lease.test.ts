import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { fault } from '../../../../core/index.ts'
import type { Lease, SessionStore } from '../../../../plugins/lib/session/session-store.ts'
import { isRefused } from '../../../../plugins/lib/token/broker.ts'
import { MemoryStore } from '../../../../plugins/session-store/memory.ts'
import { issuer, jwt, oauthError, quiet, type Stand, stand } from './broker-kit.ts'

/** What two processes would share. The leases run by the test's clock; `held` tells who has one. */
function sharedStore() {
  const store = new MemoryStore()
  const far = {
    held: new Map<string, number>(),
    away: false,
    /** Leases whose holders still believe in them. */
    lost: false,
    now: () => 0,
    store: undefined as unknown as SessionStore,
  }
  const late = async <T>(value: T): Promise<T> => {
    await setImmediate()
    if (far.away) throw fault('STORE_UNAVAILABLE')
    return value
  }
  const live = (name: string) => (far.held.get(name) ?? 0) > far.now()
  far.store = {
    reach: 'host',
    get: async (key, unless) => late(store.get(key, unless)),
    put: (...args) => late(0).then(() => store.put(...args)),
    touch: async (...args) => late(store.touch(...args)),
    delete: (key) => late(0).then(() => store.delete(key)),
    take: (key) => late(0).then(() => store.take(key)),
    find: (index) => store.find(index),
    async lease(name, ttl): Promise<Lease | undefined> {
      await late(0)
      if (live(name) && !far.lost) return undefined
      far.held.set(name, far.now() + ttl)
      return {
        async renew(longer) {
          await late(0)
          if (far.lost || !live(name)) return false
          far.held.set(name, far.now() + longer)
          return true
        },
        release: async () => void far.held.delete(name),
      }
    },
  }
  return far
}

async function twoProcesses(services = ['analytics']) {
  const far = sharedStore()
  const one = await stand({ store: far.store, services })
  far.now = () => one.clock.now()
  return { far, one, two: await one.elsewhere(), three: await one.elsewhere() }
}

/** The answer, after this time of the test's clock at the most; in steps, for the store's answers take turns and no time. */
async function after<T>({ clock }: Pick<Stand, 'clock'>, ms: number, asked: Promise<T> | T): Promise<T> {
  let open = true
  const got = Promise.resolve(asked).finally(() => {
    open = false
  })
  for (let left = ms; left > 0 && open; left -= 20) await clock.pass(20)
  if (open) throw new Error(`no answer in ${ms} ms`)
  return got
}

t.test('three processes that need one token redeem once, and all have it', async (t) => {
  const { one, two, three } = await twoProcesses()
  const asked = [one, two, three].flatMap(({ broker, session }) =>
    Array.from({ length: 50 }, async () => broker.credential(session, 'analytics')),
  )
  const got = await after(one, 3000, Promise.all(asked))
  t.notOk(got.some(isRefused))
  t.equal(new Set(got.map((credential) => !isRefused(credential) && credential.fingerprint)).size, 1)
  t.equal(one.idp.asked.length, 1, 'one redeem')
  t.equal(one.idp.reused, 0)
})

t.test('processes that mint for different services spend each refresh token once', async (t) => {
  const services = ['a', 'b', 'c', 'd', 'e']
  const { one, two, three } = await twoProcesses(services)
  const asked = services.flatMap((service, n) =>
    [one, two, three].map(async ({ broker, session }) => broker.credential(session, services[(n + 2) % 5] ?? service)),
  )
  const got = await after(one, 10_000, Promise.all(asked))
  t.notOk(got.some(isRefused), 'all have theirs')
  t.equal(one.idp.asked.length, 5)
  t.equal(one.idp.crowd, 1, 'never two redeems at a time')
  t.equal(one.idp.reused, 0)
})

t.test('a process that rotated tells the others through the store, long after', async (t) => {
  const { one, two } = await twoProcesses(['a', 'b'])
  await after(one, 1000, one.broker.credential(one.session, 'a'))
  const b = await after(one, 1000, two.broker.credential(two.session, 'b'))
  t.notOk(isRefused(b))
  t.equal(one.idp.asked[1]?.refreshToken, 'R1', 'not the one it had read at first')
  t.equal(one.idp.reused, 0)
})

t.test('one that was given back is not held on to, and nobody calls it lost', async (t) => {
  const { one, far } = await twoProcesses()
  await after(one, 1000, one.broker.credential(one.session, 'analytics'))
  await one.clock.pass(5000)
  t.notOk(one.log.find('redeem_lease_lost'))
  t.equal(far.held.size, 0)
})

t.test('a lease lives as long as its redeem, and who waits for it blames the identity provider', async (t) => {
  const { one, two } = await twoProcesses()
  const release = one.idp.hang()
  const first = one.broker.credential(one.session, 'analytics')
  const second = two.broker.credential(two.session, 'analytics')
  t.match(await after(one, 6000, second), { kind: 'unavailable', what: 'idp' }, 'after five seconds')
  t.match(await first, { kind: 'unavailable', what: 'idp' })
  await one.clock.pass(20_000)
  t.equal(one.idp.asked.length, 1, 'nobody asked beside it')
  release()
  await one.clock.pass(1000)
  t.notOk(
    isRefused(await after(one, 500, two.broker.credential(two.session, 'analytics'))),
    'the late answer is for all',
  )
  t.equal(one.idp.asked.length, 1)
})

t.test('a holder that died is replaced when its time is up', async (t) => {
  const { far, one, two } = await twoProcesses()
  await far.store.lease(`q:${one.sessions.queueOf(one.session)}`, 10_000)
  t.match(await after(one, 5500, two.broker.credential(two.session, 'analytics')), { kind: 'unavailable', what: 'idp' })
  await one.clock.pass(6000)
  t.notOk(isRefused(await after(one, 1000, two.broker.credential(two.session, 'analytics'))))
})

t.test('a rotation lost to another process never ends the session', async (t) => {
  const { far, one, two } = await twoProcesses(['a', 'b'])
  // Leases that guard nothing: both redeem the same token, and the identity provider, which forgives, tells the second no.
  far.lost = true
  let rotated = 0
  one.idp.instead = async (asked) => {
    if (asked.refreshToken !== `R${rotated}`) throw oauthError('invalid_grant')
    rotated++
    await quiet()
    const expiresAt = one.clock.wall() + 300_000
    const claims = { iss: issuer, aud: asked.params.resource, exp: Math.ceil(expiresAt / 1000) }
    return { accessToken: jwt(claims), expiresAt, refreshToken: `R${rotated}` }
  }
  const asked = [one.broker.credential(one.session, 'a'), two.broker.credential(two.session, 'b')]
  const got = await after(one, 4000, Promise.all(asked))
  t.match(got.map(isRefused), [false, false], JSON.stringify(got))
  t.notOk(one.log.find('session_grant_lost'), 'nobody is signed out')
  t.equal(one.log.find('redeem_lease_lost'), undefined)
})

t.test('a lease that was lost is said', async (t) => {
  const { far, one } = await twoProcesses()
  const release = one.idp.hang()
  const asked = one.broker.credential(one.session, 'analytics')
  await one.clock.pass(1000)
  far.lost = true
  await one.clock.pass(3000)
  release()
  t.notOk(isRefused(await after(one, 1000, asked)), 'what was brought is used all the same')
  t.ok(one.log.find('redeem_lease_lost'))
})

t.test('a store that is away during a redeem is waited for, with its lease', async (t) => {
  const { far, one, two } = await twoProcesses()
  const release = one.idp.hang()
  const asked = one.broker.credential(one.session, 'analytics')
  await one.clock.pass(1000)
  far.away = true
  release()
  await one.clock.pass(3000)
  t.match(await after(one, 100, two.broker.credential(two.session, 'analytics')), { what: 'store' })
  far.away = false
  t.notOk(isRefused(await after(one, 3000, asked)))
  t.notOk(isRefused(await after(one, 1000, two.broker.credential(two.session, 'analytics'))))
  t.equal(one.idp.asked.length, 1)
})

t.test('a dead refresh token ends the session in all processes, and says grant_lost once', async (t) => {
  const { one, two } = await twoProcesses()
  one.idp.instead = () => Promise.reject(oauthError('invalid_grant'))
  const asked = [one, two].map(async ({ broker, session }) => broker.credential(session, 'analytics'))
  const got = await after(one, 4000, Promise.all(asked))
  t.match(got, [{ kind: 'session_over' }, { kind: 'session_over' }])
  t.equal(one.log.lines.filter(({ msg }) => msg.startsWith('session_grant_lost')).length, 1)
})
