// What every session store must do, whatever keeps its bytes. Hand it a maker; each subtest gets a store of its own.
import { Buffer } from 'node:buffer'
import { clearInterval, setInterval } from 'node:timers'
import { setTimeout as after } from 'node:timers/promises'
import t from 'tap'
import type { SessionStore } from '../../plugins/lib/session-store.ts'

const bytes = (text: string) => Buffer.from(text)

async function collect(keys: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const key of keys) all.push(key)
  return all.sort()
}

async function put(store: SessionStore, key: string, text: string, expect: string | null = null, ttl = 60_000) {
  const done = await store.put(key, bytes(text), { expect, ttl })
  if (done === 'conflict') throw new Error(`unexpected conflict on ${key}`)
  return done.version
}

async function read(store: SessionStore, key: string): Promise<string | undefined> {
  const found = await store.get(key)
  return found === undefined || found === 'same' ? found : Buffer.from(found.value).toString()
}

/** Resolves once the store says the key is gone; the store's own clock decides when. */
async function gone(store: SessionStore, key: string): Promise<void> {
  while ((await store.get(key)) !== undefined) await after(5)
}

export function sessionStoreContract(name: string, open: () => Promise<SessionStore>): void {
  t.test(`${name}: reading and writing`, async (t) => {
    const store = await open()
    t.equal(await store.get('s:a'), undefined, 'an unknown key is absent')
    const version = await put(store, 's:a', 'one')
    t.not(version, '0', 'a version is never 0')
    t.equal(await read(store, 's:a'), 'one', 'gives back the bytes')
    t.equal(await store.get('s:a', version), 'same', 'says same to who still has this version')
    t.equal(await read(store, 's:b'), undefined, 'other keys stay absent')
  })

  t.test(`${name}: compare and set`, async (t) => {
    const store = await open()
    const first = await put(store, 's:a', 'one')
    t.equal(await store.put('s:a', bytes('two'), { expect: null, ttl: 60_000 }), 'conflict', 'absent was expected')
    const second = await put(store, 's:a', 'two', first)
    t.not(second, first, 'every put changes the version')
    t.equal(await store.put('s:a', bytes('three'), { expect: first, ttl: 60_000 }), 'conflict', 'an old version loses')
    t.equal(await read(store, 's:a'), 'two', 'the loser changed nothing')
    const race = [1, 2, 3, 4, 5].map(async (n) => store.put('s:a', bytes(`r${n}`), { expect: second, ttl: 60_000 }))
    t.equal((await Promise.all(race)).filter((done) => done !== 'conflict').length, 1, 'one of many racers wins')
  })

  t.test(`${name}: what was deleted stays deleted`, async (t) => {
    const store = await open()
    const version = await put(store, 's:a', 'one')
    t.equal(await store.delete('s:a'), true)
    t.equal(await store.delete('s:a'), false, 'a second delete finds nothing')
    t.equal(await store.put('s:a', bytes('late'), { expect: version, ttl: 60_000 }), 'conflict', 'a late write loses')
    t.equal(await store.touch('s:a', 60_000), false, 'touch does not bring it back')
    t.equal(await store.get('s:a'), undefined)
  })

  t.test(`${name}: expiry`, async (t) => {
    const store = await open()
    const version = await put(store, 's:short', 'one', null, 50)
    await put(store, 's:touched', 'one', null, 50)
    t.equal(await store.touch('s:touched', 60_000), true, 'touch moves the expiry')
    await gone(store, 's:short')
    t.equal(
      await store.put('s:short', bytes('x'), { expect: version, ttl: 50 }),
      'conflict',
      'an expired version is gone',
    )
    t.equal(await store.touch('s:short', 60_000), false, 'touch does not revive')
    t.equal(await read(store, 's:touched'), 'one')
    const found = await store.get('s:touched')
    t.equal(
      found !== 'same' && found?.version,
      ((await store.get('s:touched', '0')) as { version: string }).version,
      'touch keeps the version',
    )
  })

  t.test(`${name}: take is once`, async (t) => {
    const store = await open()
    await put(store, 'f:state', 'flow')
    const takers = await Promise.all([1, 2, 3, 4].map(async () => store.take('f:state')))
    t.equal(takers.filter((taken) => taken !== undefined).length, 1, 'one of four takers gets it')
    t.equal(await store.get('f:state'), undefined)
  })

  t.test(`${name}: index`, async (t) => {
    const store = await open()
    const a = await store.put('s:a', bytes('a'), { expect: null, ttl: 60_000, index: ['sub:1', 'sid:1'] })
    await store.put('s:b', bytes('b'), { expect: null, ttl: 60_000, index: ['sub:1'] })
    t.strictSame(await collect(store.find('sub:1')), ['s:a', 's:b'])
    t.strictSame(await collect(store.find('sid:1')), ['s:a'])
    t.strictSame(await collect(store.find('sub:2')), [])
    if (a === 'conflict') throw new Error('conflict')
    await put(store, 's:a', 'again', a.version)
    t.strictSame(await collect(store.find('sid:1')), ['s:a'], 'a put without index keeps it')
    await store.delete('s:a')
    const left = await collect(store.find('sub:1'))
    t.ok(left.includes('s:b'), 'a live key is never missed')
  })

  t.test(`${name}: leases`, async (t) => {
    // A store's own timers may not hold the process; here nothing else would.
    const alive = setInterval(() => {}, 60_000)
    t.teardown(() => clearInterval(alive))
    const store = await open()
    const lease = await store.lease('q:1', 60_000)
    t.ok(lease, 'a free lease is given')
    t.equal(await store.lease('q:1', 60_000), undefined, 'to one holder')
    t.ok(await store.lease('q:2', 60_000), 'names are apart')
    t.equal(await lease?.renew(60_000), true)
    const free = store.settled?.('q:1', 60_000)
    await lease?.release()
    await free
    t.equal(await lease?.renew(60_000), false, 'what was released cannot be renewed')
    const next = await store.lease('q:1', 20)
    t.ok(next, 'a released lease is free')
    await store.settled?.('q:1', 60_000)
    let taken = await store.lease('q:1', 60_000)
    while (taken === undefined) {
      await after(5)
      taken = await store.lease('q:1', 60_000)
    }
    t.equal(await next?.renew(60_000), false, 'who ran out of time lost it')
    await next?.release()
    t.equal(await store.lease('q:1', 60_000), undefined, "and cannot release the next holder's")
  })
}
