// The session store of one process: on node-cache, without promises. What it holds ends with the process.
import { performance } from 'node:perf_hooks'
import NodeCache from 'node-cache'
import { z } from 'zod'
import { defineService } from '../../core/index.ts'
import { FairShares } from '../lib/session/fair-shares.ts'
import { LocalLeases } from '../lib/session/local-leases.ts'
import type { Lease, PutOptions, SessionStore, Stored } from '../lib/session/session-store.ts'

interface Entry extends Stored {
  /** On the monotonic clock: a wall clock that jumps ends no session. */
  readonly until: number
  readonly index: readonly string[]
}

const options = z.strictObject({ max_entries: z.int().min(16).default(50_000) }).prefault({})

export class MemoryStore implements SessionStore {
  readonly reach = 'process'
  /** No cloning, no sweep and no wall clock of its own: expiry is ours. It throws at maxKeys, so room is made before. */
  readonly #cache = new NodeCache({ useClones: false, checkperiod: 0 })
  readonly #leases = new LocalLeases()
  readonly #index = new Map<string, Set<string>>()
  /** Apart from sessions, which whoever floods /auth/login must not push out; nor the logins of others. */
  readonly #flows = new FairShares()
  /** By user: who signs in without end pushes out sessions of its own. Of others' the least recently used goes first. */
  readonly #others = new FairShares()
  readonly #maxEntries: number
  /** Beside `#maxEntries`: where all of those are sessions, people must still be able to sign in. */
  readonly #roomForFlows: number
  readonly #evicted: (key: string) => void
  #version = 0

  constructor(maxEntries = 50_000, evicted: (key: string) => void = () => {}) {
    this.#maxEntries = maxEntries
    this.#roomForFlows = Math.max(2, Math.ceil(maxEntries / 16))
    this.#evicted = evicted
  }

  get(key: string, unless?: string): Stored | 'same' | undefined {
    const entry = this.#live(key)
    return entry !== undefined && entry.version === unless ? 'same' : entry
  }

  put(key: string, value: Uint8Array, opts: PutOptions): { readonly version: string } | 'conflict' {
    const before = this.#live(key)
    if ((before?.version ?? null) !== opts.expect) return 'conflict'
    if (before === undefined) this.#makeRoom(isFlow(key))
    const version = String(++this.#version)
    const index = opts.index ?? before?.index ?? []
    this.#unindex(key, before)
    for (const word of index) this.#keysOf(word).add(key)
    this.#keep(key, { value, version, index, until: performance.now() + opts.ttl }, opts.owner)
    return { version }
  }

  touch(key: string, ttl: number): boolean {
    const entry = this.#live(key)
    if (entry === undefined) return false
    this.#keep(key, { ...entry, until: performance.now() + ttl })
    return true
  }

  delete(key: string): boolean {
    const entry = this.#live(key)
    this.#drop(key)
    return entry !== undefined
  }

  take(key: string): Stored | undefined {
    const entry = this.#live(key)
    this.#drop(key)
    return entry
  }

  async *find(index: string): AsyncGenerator<string> {
    for (const key of [...(this.#index.get(index) ?? [])]) if (this.#live(key) !== undefined) yield key
  }

  lease(name: string, ttl: number): Lease | undefined {
    return this.#leases.take(name, ttl)
  }

  settled(name: string, ms: number): Promise<void> {
    return this.#leases.settled(name, ms)
  }

  /** Drops what expired and was never asked for again. */
  sweep(): void {
    for (const key of [...this.#flows.keys(), ...this.#others.keys()]) this.#live(key)
  }

  get size(): number {
    return this.#flows.size + this.#others.size
  }

  #live(key: string): Entry | undefined {
    const entry = this.#cache.get<Entry>(key)
    if (entry === undefined || entry.until > performance.now()) return entry
    this.#drop(key)
    return undefined
  }

  #keep(key: string, entry: Entry, owner = ''): void {
    this.#cache.set(key, entry)
    this.#sharesOf(key).add(key, owner)
  }

  #drop(key: string): void {
    this.#unindex(key, this.#cache.get<Entry>(key))
    this.#cache.del(key)
    this.#sharesOf(key).delete(key)
  }

  #sharesOf(key: string): FairShares {
    return isFlow(key) ? this.#flows : this.#others
  }

  #makeRoom(forFlow: boolean): void {
    if (!forFlow && this.#others.size >= this.#maxEntries) this.#evict(this.#others.first)
    const flows = this.#flows.size + (forFlow ? 1 : 0)
    const others = this.#others.size + (forFlow ? 0 : 1)
    if (flows > Math.max(this.#roomForFlows, this.#maxEntries - others)) this.#evict(this.#flows.first)
  }

  #evict(key: string | undefined): void {
    if (key === undefined) return
    this.#drop(key)
    this.#evicted(key)
  }

  #keysOf(word: string): Set<string> {
    const keys = this.#index.get(word) ?? new Set()
    this.#index.set(word, keys)
    return keys
  }

  #unindex(key: string, entry: Entry | undefined): void {
    for (const word of entry?.index ?? []) {
      const keys = this.#index.get(word)
      keys?.delete(key)
      if (keys?.size === 0) this.#index.delete(word)
    }
  }
}

function isFlow(key: string): boolean {
  return key.startsWith('f:')
}

export default defineService({
  kind: 'session-store',
  name: 'memory',
  options,
  open(host) {
    let told = Number.NEGATIVE_INFINITY
    const store = new MemoryStore(host.options.max_entries, (key) => {
      if (performance.now() - told < 60_000) return
      told = performance.now()
      host.log.warn(
        { max_entries: host.options.max_entries, dropped: isFlow(key) ? 'login flow' : 'session' },
        'session_store_full: the oldest entries are dropped; raise session.store max_entries',
      )
    })
    host.every(60_000, () => store.sweep())
    return store
  },
})
