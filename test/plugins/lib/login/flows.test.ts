import t from 'tap'
import { type Flow, makeFlows } from '../../../../plugins/lib/login/flows.ts'
import { KeyRing } from '../../../../plugins/lib/session/seal.ts'
import type { SessionStore } from '../../../../plugins/lib/session/session-store.ts'
import { randomId } from '../../../../plugins/lib/util/random-id.ts'
import { MemoryStore } from '../../../../plugins/session-store/memory.ts'

const origin = 'https://app.test'
const flow = (returnTo: string): Flow => ({
  issuer: 'https://idp.test',
  origin,
  nonce: 'the-nonce',
  codeVerifier: 'the-verifier',
  returnTo,
  passed: [],
  resources: [],
  round: 0,
})
const ring = new KeyRing(['a key with more than thirty-two bytes'])

t.test('a flow is taken once, by the browser that began it', async (t) => {
  const flows = makeFlows(new MemoryStore(), ring)
  const handle = randomId()
  const { state } = await flows.begin(handle, flow('/a'), 'a')
  t.strictSame(await flows.take(randomId(), state, origin), { kind: 'foreign', returnTo: '/a' })
  t.strictSame(await flows.take(undefined, state, origin), { kind: 'foreign', returnTo: '/a' })
  const taken = await Promise.all([flows.take(handle, state, origin), flows.take(handle, state, origin)])
  t.strictSame(taken.map(({ kind }) => kind).sort(), ['flow', 'unknown'])
  t.strictSame(await flows.take(handle, randomId(), origin), { kind: 'unknown' })
})

t.test('a browser has 32 logins under way at most; the oldest goes', async (t) => {
  const store = new MemoryStore()
  const flows = makeFlows(store, ring)
  const handle = randomId()
  const states: string[] = []
  for (let n = 0; n < 100; n++) states.push((await flows.begin(handle, flow(`/${n}`), 'a')).state)
  t.equal(store.size, 33, 'and one list')
  t.equal((await flows.take(handle, states[67] ?? '', origin)).kind, 'unknown')
  t.equal((await flows.take(handle, states[68] ?? '', origin)).kind, 'flow')
})

t.test('logins that begin together all count', async (t) => {
  const flows = makeFlows(new MemoryStore(), ring)
  const handle = randomId()
  const begun = await Promise.all(Array.from({ length: 32 }, (_, n) => flows.begin(handle, flow(`/${n}`), 'a')))
  const taken = await Promise.all(begun.map(({ state }) => flows.take(handle, state, origin)))
  t.equal(taken.filter(({ kind }) => kind === 'flow').length, 32)
})

t.test('logins without end fill no memory, and push out no session', async (t) => {
  const store = new MemoryStore(1_000)
  const flows = makeFlows(store, ring)
  store.put('s:ada', new Uint8Array(8), { expect: null, ttl: 60_000 })
  for (let n = 0; n < 5_000; n++) await flows.begin(randomId(), flow('/'), 'a')
  t.ok(store.size <= 1_000)
  t.ok(store.get('s:ada') !== undefined)
  const handle = randomId()
  const { state } = await flows.begin(handle, flow('/mine'), 'a')
  t.equal((await flows.take(handle, state, origin)).kind, 'flow', 'who begins now still signs in')
})

t.test('an address that begins logins without end pushes out its own, and nobody else’s', async (t) => {
  const store = new MemoryStore(1_000)
  const flows = makeFlows(store, ring)
  const handle = randomId()
  const { state } = await flows.begin(handle, flow('/mine'), 'ada')
  const flood: { readonly handle: string; readonly state: string }[] = []
  for (let n = 0; n < 2_000; n++) {
    const other = randomId()
    flood.push({ handle: other, state: (await flows.begin(other, flow('/'), 'mallory')).state })
  }
  t.ok(store.size <= 1_000)
  t.equal((await flows.take(handle, state, origin)).kind, 'flow')
  t.equal((await flows.take(flood[0]?.handle, flood[0]?.state ?? '', origin)).kind, 'unknown')
  const last = flood.at(-1)
  t.equal((await flows.take(last?.handle, last?.state ?? '', origin)).kind, 'flow')
})

t.test(
  'a flood with one cookie costs a store across a network a write or two each, not one for every other',
  async (t) => {
    const memory = new MemoryStore()
    let puts = 0
    const far: SessionStore = {
      reach: 'host',
      get: async (key) => memory.get(key),
      put: async (key, value, opts) => {
        puts++
        return memory.put(key, value, opts)
      },
      touch: async (key, ttl) => memory.touch(key, ttl),
      delete: async (key) => memory.delete(key),
      take: async (key) => memory.take(key),
      find: (index) => memory.find(index),
      lease: async (name, ttl) => memory.lease(name, ttl),
    }
    const flows = makeFlows(far, ring)
    const handle = randomId()
    const begun = await Promise.all(
      Array.from({ length: 100 }, (_, n) => flows.begin(handle, flow(`/${n}`), 'mallory')),
    )
    t.ok(puts <= 200, `${puts} writes`)
    t.equal(memory.size, 33)
    t.equal((await flows.take(handle, begun[99]?.state ?? '', origin)).kind, 'flow')
  },
)

t.test('a list that cannot be written fails who wait for it, and nobody after them', async (t) => {
  const memory = new MemoryStore()
  const flows = makeFlows(memory, ring)
  const handle = randomId()
  const put = memory.put.bind(memory)
  let puts = 0
  memory.put = (...args) => {
    if (++puts > 2) throw new Error('away') // the two flows themselves are kept
    return put(...args)
  }
  const failed = await Promise.allSettled([flows.begin(handle, flow('/'), 'a'), flows.begin(handle, flow('/'), 'a')])
  t.strictSame(
    failed.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  memory.put = put
  const { state } = await flows.begin(handle, flow('/'), 'a')
  t.equal((await flows.take(handle, state, origin)).kind, 'flow')
})
