// What every session store must do, whatever keeps its bytes. Free of any test framework: a failure is an AssertionError.
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { clearInterval, setInterval } from 'node:timers'
import { setTimeout as after } from 'node:timers/promises'
import type { TestFunction } from '../../core/testing/index.ts'
import type { SessionStore } from '../lib/session/session-store.ts'

/** How the suite is declared. */
export interface SessionStoreContractInput {
  readonly test: TestFunction
  /** Put before the names of the tests. */
  readonly name: string
}

type Open = () => Promise<SessionStore>

/** Declares the suite; each test opens a store of its own, which must be empty. */
export function sessionStoreContract(open: Open, { test, name }: SessionStoreContractInput): void {
  for (const [what, check] of Object.entries(suite)) test(`${name}: ${what}`, async () => check(await open()))
}

const suite: Readonly<Record<string, (store: SessionStore) => Promise<void>>> = {
  'reading and writing': async (store) => {
    assert.equal(await store.get('s:a'), undefined, 'an unknown key is absent')
    const version = await put(store, 's:a', 'one')
    assert.notEqual(version, '0', 'a version is never 0')
    assert.equal(await read(store, 's:a'), 'one', 'gives back the bytes')
    assert.equal(await store.get('s:a', version), 'same', 'says same to who still has this version')
    assert.equal(await read(store, 's:b'), undefined, 'other keys stay absent')
  },

  'compare and set': async (store) => {
    const first = await put(store, 's:a', 'one')
    assert.equal(await store.put('s:a', bytes('two'), { expect: null, ttl: 60_000 }), 'conflict', 'absent was expected')
    const second = await put(store, 's:a', 'two', first)
    assert.notEqual(second, first, 'every put changes the version')
    const old = await store.put('s:a', bytes('three'), { expect: first, ttl: 60_000 })
    assert.equal(old, 'conflict', 'an old version loses')
    assert.equal(await read(store, 's:a'), 'two', 'the loser changed nothing')
    const race = [1, 2, 3, 4, 5].map(async (n) => store.put('s:a', bytes(`r${n}`), { expect: second, ttl: 60_000 }))
    const won = (await Promise.all(race)).filter((done) => done !== 'conflict')
    assert.equal(won.length, 1, 'one of many racers wins')
  },

  'what was deleted stays deleted': async (store) => {
    const version = await put(store, 's:a', 'one')
    assert.equal(await store.delete('s:a'), true)
    assert.equal(await store.delete('s:a'), false, 'a second delete finds nothing')
    const late = await store.put('s:a', bytes('late'), { expect: version, ttl: 60_000 })
    assert.equal(late, 'conflict', 'a late write loses')
    assert.equal(await store.touch('s:a', 60_000), false, 'touch does not bring it back')
    assert.equal(await store.get('s:a'), undefined)
  },

  expiry: async (store) => {
    const version = await put(store, 's:short', 'one', null, 50)
    const kept = await put(store, 's:touched', 'one', null, 50)
    assert.equal(await store.touch('s:touched', 60_000), true, 'touch moves the expiry')
    await gone(store, 's:short')
    const late = await store.put('s:short', bytes('x'), { expect: version, ttl: 50 })
    assert.equal(late, 'conflict', 'an expired version is gone')
    assert.equal(await store.touch('s:short', 60_000), false, 'touch does not revive')
    assert.equal(await read(store, 's:touched'), 'one')
    assert.equal(await store.get('s:touched', kept), 'same', 'touch keeps the version')
  },

  'take is once': async (store) => {
    await put(store, 'f:state', 'flow')
    const takers = await Promise.all([1, 2, 3, 4].map(async () => store.take('f:state')))
    assert.equal(takers.filter((taken) => taken !== undefined).length, 1, 'one of four takers gets it')
    assert.equal(await store.get('f:state'), undefined)
  },

  index: async (store) => {
    const a = await store.put('s:a', bytes('a'), { expect: null, ttl: 60_000, index: ['sub:1', 'sid:1'] })
    await store.put('s:b', bytes('b'), { expect: null, ttl: 60_000, index: ['sub:1'] })
    assert.deepEqual(await collect(store.find('sub:1')), ['s:a', 's:b'])
    assert.deepEqual(await collect(store.find('sid:1')), ['s:a'])
    assert.deepEqual(await collect(store.find('sub:2')), [])
    assert.ok(a !== 'conflict')
    await put(store, 's:a', 'again', a.version)
    assert.deepEqual(await collect(store.find('sid:1')), ['s:a'], 'a put without index keeps it')
    await store.delete('s:a')
    assert.ok((await collect(store.find('sub:1'))).includes('s:b'), 'a live key is never missed')
  },

  leases: async (store) => {
    // A store's own timers may not hold the process; here nothing else would.
    const alive = setInterval(() => {}, 60_000)
    try {
      await checkLeases(store)
    } finally {
      clearInterval(alive)
    }
  },
}

async function checkLeases(store: SessionStore): Promise<void> {
  const lease = await store.lease('q:1', 60_000)
  assert.ok(lease, 'a free lease is given')
  assert.equal(await store.lease('q:1', 60_000), undefined, 'to one holder')
  assert.ok(await store.lease('q:2', 60_000), 'names are apart')
  assert.equal(await lease.renew(60_000), true)
  const free = store.settled?.('q:1', 60_000)
  await lease.release()
  await free
  assert.equal(await lease.renew(60_000), false, 'what was released cannot be renewed')
  const next = await store.lease('q:1', 20)
  assert.ok(next, 'a released lease is free')
  await store.settled?.('q:1', 60_000)
  let taken = await store.lease('q:1', 60_000)
  while (taken === undefined) {
    await after(5)
    taken = await store.lease('q:1', 60_000)
  }
  assert.equal(await next.renew(60_000), false, 'who ran out of time lost it')
  await next.release()
  assert.equal(await store.lease('q:1', 60_000), undefined, "and cannot release the next holder's")
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text)
}

async function put(store: SessionStore, key: string, text: string, expect: string | null = null, ttl = 60_000) {
  const done = await store.put(key, bytes(text), { expect, ttl })
  assert.ok(done !== 'conflict', `unexpected conflict on ${key}`)
  return done.version
}

async function read(store: SessionStore, key: string): Promise<string | undefined> {
  const found = await store.get(key)
  return found === undefined || found === 'same' ? found : Buffer.from(found.value).toString()
}

async function collect(keys: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const key of keys) all.push(key)
  return all.sort()
}

/** Resolves once the store says the key is gone; the store's own clock decides when. */
async function gone(store: SessionStore, key: string): Promise<void> {
  while ((await store.get(key)) !== undefined) await after(5)
}
