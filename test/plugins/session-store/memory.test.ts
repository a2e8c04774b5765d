import { Buffer } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { MemoryStore } from '../../../plugins/session-store/memory.ts'
import { sessionStoreContract } from '../../../plugins/testing/index.ts'
import { contractTest } from '../../kit/contract-test.ts'

sessionStoreContract(async () => new MemoryStore(), { test: contractTest(t), name: 'memory' })

const put = (store: MemoryStore, key: string, ttl = 60_000) => store.put(key, Buffer.from(key), { expect: null, ttl })

t.test('memory answers without a promise', async (t) => {
  const store = new MemoryStore()
  t.notOk(put(store, 's:a') instanceof Promise)
  t.notOk(store.get('s:a') instanceof Promise)
  t.notOk(store.lease('q', 10) instanceof Promise)
})

t.test('a full store drops login flows before any session, oldest first', async (t) => {
  const dropped: string[] = []
  const store = new MemoryStore(5, (key) => dropped.push(key))
  for (const key of ['f:1', 's:1', 'f:2', 's:2', 'f:3', 's:3']) put(store, key)
  t.strictSame(dropped, ['f:1'])
  for (const key of ['s:4', 's:5']) put(store, key)
  t.strictSame(dropped, ['f:1'], 'room for a login there always is')
  store.touch('s:1', 60_000)
  put(store, 's:6')
  t.strictSame(dropped.slice(1), ['s:2'], 'then the session that was not used for longest')
  t.equal(store.size, 5 + 2)
})

t.test('while it is full of sessions people can still sign in, and a flood of logins ends no session', async (t) => {
  const dropped: string[] = []
  const store = new MemoryStore(32, (key) => dropped.push(key))
  for (let n = 0; n < 32; n++) put(store, `s:${n}`)
  put(store, 'f:flow')
  put(store, 'f:list')
  t.ok(store.get('f:flow'))
  for (let n = 0; n < 100; n++) put(store, `f:${n}`)
  t.strictSame(
    dropped.filter((key) => key.startsWith('s:')),
    [],
  )
  t.equal(store.size, 32 + 2)
})

t.test('a user who signs in without end pushes out sessions of its own, not those of others', async (t) => {
  const store = new MemoryStore(16)
  const signIn = (key: string, owner: string) =>
    store.put(key, Buffer.from(key), { expect: null, ttl: 60_000, index: [owner], owner })
  for (let n = 0; n < 8; n++) signIn(`s:user-${n}`, `user-${n}`)
  for (let n = 0; n < 100; n++) signIn(`s:mallory-${n}`, 'mallory')
  for (let n = 0; n < 8; n++) t.ok(store.get(`s:user-${n}`), `user ${n}`)
  t.ok(store.get('s:mallory-99'))
  t.notOk(store.get('s:mallory-0'))
})

t.test('of users with one session each the least recently used goes first', async (t) => {
  const store = new MemoryStore(16)
  const signIn = (n: number) => store.put(`s:${n}`, Buffer.from('x'), { expect: null, ttl: 60_000, owner: `user-${n}` })
  for (let n = 0; n < 16; n++) signIn(n)
  store.touch('s:0', 60_000)
  signIn(16)
  t.ok(store.get('s:0'))
  t.notOk(store.get('s:1'))
})

t.test('overwriting in a full store drops nothing', async (t) => {
  const dropped: string[] = []
  const store = new MemoryStore(2, (key) => dropped.push(key))
  put(store, 's:1')
  const second = put(store, 's:2')
  if (second === 'conflict') throw new Error('conflict')
  t.not(store.put('s:2', Buffer.from('x'), { expect: second.version, ttl: 60_000 }), 'conflict')
  t.strictSame(dropped, [])
})

t.test('a wall clock that jumps ends no session', async (t) => {
  const store = new MemoryStore()
  put(store, 's:a')
  const real = Date.now
  t.teardown(() => {
    Date.now = real
  })
  Date.now = () => real() + 3_600_000
  t.ok(store.get('s:a'))
})

t.test('the sweep forgets what expired, its index too', async (t) => {
  const store = new MemoryStore()
  store.put('s:a', Buffer.from('a'), { expect: null, ttl: 0, index: ['sub'] })
  put(store, 's:b')
  store.sweep()
  t.equal(store.size, 1)
  const found: string[] = []
  for await (const key of store.find('sub')) found.push(key)
  t.strictSame(found, [])
})

t.test('what moved to other words is not found by the ones it had', async (t) => {
  const store = new MemoryStore()
  const first = store.put('s:a', Buffer.from('a'), { expect: null, ttl: 60_000, index: ['sid-1', 'sub'] })
  if (first === 'conflict') throw new Error('conflict')
  store.put('s:a', Buffer.from('b'), { expect: first.version, ttl: 60_000, index: ['sid-2', 'sub'] })
  const found = async (word: string) => {
    for await (const key of store.find(word)) return key
    return undefined
  }
  t.strictSame([await found('sid-1'), await found('sid-2'), await found('sub')], [undefined, 's:a', 's:a'])
})

t.test('who waits for a lease is woken by its release', async (t) => {
  const store = new MemoryStore()
  const lease = store.lease('q', 60_000)
  let woken = false
  void store.settled('q', 60_000).then(() => {
    woken = true
  })
  await setImmediate()
  t.notOk(woken)
  await lease?.release()
  await setImmediate()
  t.ok(woken)
})
