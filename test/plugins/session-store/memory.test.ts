import { Buffer } from 'node:buffer'
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
  const store = new MemoryStore(4, (key) => dropped.push(key))
  for (const key of ['f:1', 's:1', 'f:2', 's:2', 'f:3', 's:3']) put(store, key)
  t.strictSame(dropped, ['f:1', 'f:2'])
  put(store, 's:4')
  t.strictSame(dropped, ['f:1', 'f:2', 'f:3'])
  store.touch('s:1', 60_000)
  put(store, 's:5')
  t.strictSame(dropped.slice(3), ['s:2'], 'then the session that was not used for longest')
  t.equal(store.size, 4)
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
