// Sealed sessions over a store. The cookie holds a random id, the store's key is its hash, the value is sealed with both.

import { performance } from 'node:perf_hooks'
import type { Shared, Sometimes } from '../../../core/index.ts'
import { type SessionEnd, type SessionTally, sessionTally } from '../bridge-metrics.ts'
import type { SessionSettings } from '../settings/settings.ts'
import { now } from '../util/clock.ts'
import { isRandomId, randomId, sha256 } from '../util/random-id.ts'
import { type Known, knownOf, openSession } from './open-session.ts'
import { openStore } from './open-store.ts'
import { KeyRing, processKey } from './seal.ts'
import type { Session, SessionData, Sessions, TokenAuthority } from './session.ts'
import { endOf, endsAtLatest } from './session-end.ts'
import type { SessionStore, Stored } from './session-store.ts'
import { type Bound, SessionWatch, TICK_MS, type Watched } from './session-watch.ts'

const maxOpened = 10_000
/** A store that tells of changes is believed for so long; others are asked each time. */
const trustChanges = 5_000
/** How exact `least recently` is. */
const RANK_MS = 1_000

type Change = (now: SessionData) => SessionData

class SealedSessions implements Sessions, Watched {
  readonly #authorities: TokenAuthority[] = []
  readonly #store: SessionStore
  readonly #ring: KeyRing
  readonly #idle: number
  /** Least recently used first. */
  readonly #opened = new Map<string, Session>()
  readonly #unwatch: (() => void) | undefined
  readonly #tally: SessionTally | undefined
  readonly #watch: SessionWatch

  constructor(store: SessionStore, ring: KeyRing, idleTimeout: number, tally?: SessionTally) {
    this.#tally = tally
    this.#store = store
    this.#ring = ring
    this.#idle = idleTimeout
    this.#watch = new SessionWatch(this, store.watch !== undefined)
    this.#unwatch = store.watch?.(
      (key) => {
        this.#opened.delete(key)
        this.#watch.doubt(key)
      },
      () => {
        this.#opened.clear()
        this.#watch.doubtAll()
      },
    )
  }

  open(id: string): Session | undefined | Promise<Session | undefined> {
    if (!isRandomId(id)) return undefined
    const key = keyFor(id)
    const session = this.#opened.get(key)
    const cached = session === undefined ? undefined : knownOf(session)
    if (session !== undefined && cached !== undefined && this.#believed(cached)) return this.#used(session, cached)
    const asked = cached?.version
    const found = this.#store.get(key, asked)
    return found instanceof Promise
      ? found.then((late) => this.#judge(id, key, asked, late))
      : this.#judge(id, key, asked, found)
  }

  async create(data: SessionData): Promise<{ readonly id: string; readonly session: Session }> {
    const id = randomId()
    const key = keyFor(id)
    const index = this.#indexOf(data)
    const [owner = ''] = index
    const ttl = Math.max(1, Math.min(this.#idle, endsAtLatest(data) - now()))
    const done = await this.#store.put(key, this.#ring.sealJson(id, key, data), { expect: null, ttl, index, owner })
    if (done === 'conflict') throw new Error('a random session id exists already: the random source is broken')
    const session = this.#remember(id, key, data, done.version)
    knownOf(session).touched = performance.now()
    this.#tally?.opened()
    return { id, session }
  }

  /** The user's word first. */
  #indexOf({ issuer, sub, sid, browser }: SessionData): string[] {
    const index = [this.#ring.index('sub', issuer, sub)]
    if (sid !== undefined) index.push(this.#ring.index('sid', issuer, sid))
    if (browser !== undefined) index.push(this.#ring.index('browser', issuer, browser))
    return index
  }

  claim(session: Session): void {
    const { browser, issuer } = knownOf(session).data
    if (browser === undefined) return
    const done = this.update(session, ({ browser: _, ...data }) => data).then(async (data) => {
      if (data === 'gone') return
      const { key } = knownOf(session)
      for await (const other of this.#store.find(this.#ring.index('browser', issuer, browser)))
        if (other !== key) await this.endKey(other, 'replaced')
    })
    // Best effort: one more session that nobody presents runs out by itself.
    done.catch(() => {})
  }

  secretsOf(session: Session): SessionData {
    return knownOf(session).data
  }

  update(session: Session, change: Change): Promise<SessionData | 'gone'> {
    const state = knownOf(session)
    const done = state.updates.then(() => this.#exchange(session, state, change))
    state.updates = done.catch(() => {})
    return done
  }

  latest(session: Session): Promise<SessionData | 'gone'> {
    const state = knownOf(session)
    if (this.leases === undefined) return Promise.resolve(state.over ? 'gone' : state.data)
    const done = state.updates.then(() => this.#reread(session, state))
    state.updates = done.catch(() => {})
    return done
  }

  get leases(): SessionStore | undefined {
    return this.#store.reach === 'process' ? undefined : this.#store
  }

  async end(session: Session, reason: SessionEnd = 'other'): Promise<void> {
    const { key, over } = knownOf(session)
    await this.#store.delete(key)
    this.#forget(key, session)
    if (!over) this.#tally?.ended(reason)
  }

  async endKey(key: string, reason: SessionEnd = 'other'): Promise<boolean> {
    const found = await this.#store.delete(key)
    this.#forget(key, this.#opened.get(key))
    if (found) this.#tally?.ended(reason)
    return found
  }

  keyOf(session: Session): string {
    return knownOf(session).key
  }

  idOf(session: Session): string {
    return knownOf(session).id
  }

  queueOf(session: Session): string {
    return knownOf(session).key
  }

  bind(session: Session, bound: Bound): (() => void) | undefined {
    return this.over(session) ? undefined : this.#watch.bind(knownOf(session).key, session, bound)
  }

  get authority(): TokenAuthority | undefined {
    return this.#authorities.at(-1)
  }

  vouch(authority: TokenAuthority): () => void {
    this.#authorities.push(authority)
    return () => {
      const at = this.#authorities.indexOf(authority)
      if (at !== -1) this.#authorities.splice(at, 1)
    }
  }

  tick(): void {
    this.#watch.tick()
  }

  close(): void {
    this.#unwatch?.()
    this.#watch.close()
  }

  over(session: Session): boolean {
    const { over, end } = knownOf(session)
    return over || performance.now() >= end
  }

  idle(session: Session): boolean {
    const { key } = knownOf(session)
    return performance.now() - knownOf(this.#opened.get(key) ?? session).touched >= this.#idle
  }

  uses(session: Session): number {
    return knownOf(this.#opened.get(knownOf(session).key) ?? session).seen
  }

  use(session: Session): Sometimes<boolean> {
    const found = this.open(knownOf(session).id)
    return found instanceof Promise ? found.then((late) => late !== undefined) : found !== undefined
  }

  lives(session: Session): Sometimes<boolean> {
    const state = knownOf(session)
    const asked = state.version
    const found = this.#store.get(state.key, asked)
    return found instanceof Promise
      ? found.then((late) => this.#stillLives(session, state, asked, late))
      : this.#stillLives(session, state, asked, found)
  }

  #stillLives(session: Session, state: Known, asked: string, found: Stored | 'same' | undefined): boolean {
    if (found === undefined) {
      this.#forget(state.key, session)
      return false
    }
    if (found === 'same' || state.version !== asked) return true // what changed here meanwhile is the newer
    return this.#renew(state, found)
  }

  #believed(cached: Known): boolean {
    if (this.#store.watch === undefined || cached.over) return false
    const at = performance.now()
    return at - cached.seen < trustChanges && at - cached.touched < this.#idle && at < cached.end
  }

  #judge(id: string, key: string, asked: string | undefined, found: Stored | 'same' | undefined): Session | undefined {
    const before = this.#opened.get(key)
    if (found === undefined) {
      this.#forget(key, before)
      return undefined
    }
    const session = before ?? (found === 'same' ? undefined : this.#adopt(id, key, found))
    if (session === undefined) return undefined
    const state = knownOf(session)
    // Changed here while the store answered: what came is older, and its refresh token may be spent.
    const overtaken = state.version !== asked && before !== undefined
    if (found !== 'same' && !overtaken && found.version !== state.version && !this.#renew(state, found))
      return undefined
    return this.#used(session, state)
  }

  #adopt(id: string, key: string, found: Stored): Session | undefined {
    const data = this.#ring.openJson<SessionData>(id, key, found.value)
    return data === undefined ? undefined : this.#remember(id, key, data, found.version)
  }

  #remember(id: string, key: string, data: SessionData, version: string): Session {
    const session = openSession(id, key, data, version)
    this.#opened.set(key, session)
    const [oldest] = this.#opened.keys()
    if (this.#opened.size > maxOpened && oldest !== undefined) this.#opened.delete(oldest)
    return session
  }

  #renew(state: Known, found: Stored): boolean {
    const data = this.#ring.openJson<SessionData>(state.id, state.key, found.value)
    if (data === undefined) return false
    state.data = data
    state.end = endOf(data)
    state.version = found.version
    return true
  }

  #used(session: Session, state: Known): Session | undefined {
    const at = performance.now()
    if (at >= state.end) {
      this.#forget(state.key, session)
      // Best effort: the store drops it by itself at this time.
      void Promise.resolve(this.#store.delete(state.key)).catch(() => {})
      return undefined
    }
    state.seen = at
    if (at - state.ranked >= RANK_MS) this.#rank(session, state, at)
    if (at - state.touched >= this.#idle / 10 || state.touched === 0) this.#touch(state, at)
    return session
  }

  /** Not every request: a Map that grows and shrinks with each makes a new table every few. */
  #rank(session: Session, state: Known, at: number): void {
    state.ranked = at
    this.#opened.delete(state.key)
    this.#opened.set(state.key, session)
  }

  /** Not every request: a store across a network would be asked for nothing. A missed touch is made up by the next request. */
  #touch(state: Known, at: number): void {
    state.touched = at
    const done = this.#store.touch(state.key, this.#lifetime(state.end))
    if (done instanceof Promise)
      done.catch(() => {
        state.touched = 0
      })
  }

  #lifetime(end: number): number {
    return Math.max(1, Math.min(this.#idle, end - performance.now()))
  }

  #forget(key: string, session: Session | undefined): void {
    this.#opened.delete(key)
    if (session !== undefined) knownOf(session).over = true
    this.#watch.ended(key)
  }

  async #exchange(session: Session, state: Known, change: Change): Promise<SessionData | 'gone'> {
    while (!state.over) {
      const next = change(state.data)
      if (next === state.data) return next
      const sealed = this.#ring.sealJson(state.id, state.key, next)
      const ttl = this.#lifetime(endOf(next))
      // Found by the provider's own session, also where the user signed in there anew.
      const moved = next.sid === state.data.sid ? {} : { index: this.#indexOf(next) }
      const done = await this.#store.put(state.key, sealed, { expect: state.version, ttl, ...moved })
      if (done !== 'conflict') {
        state.data = next
        state.end = endOf(next)
        state.version = done.version
        return next
      }
      await this.#reread(session, state)
    }
    return 'gone'
  }

  async #reread(session: Session, state: Known): Promise<SessionData | 'gone'> {
    if (state.over) return 'gone'
    const found = await this.#store.get(state.key, state.version)
    if (found === 'same' || (found !== undefined && this.#renew(state, found))) return state.data
    this.#forget(state.key, session)
    return 'gone'
  }
}

interface RunningSessions extends Sessions {
  /** Looks after what is bound to sessions; every TICK_MS. */
  tick(): void
  close(): void
}

/** `idleTimeout` in milliseconds. */
export function makeSessions(
  store: SessionStore,
  ring: KeyRing,
  idleTimeout: number,
  tally?: SessionTally,
): RunningSessions {
  return new SealedSessions(store, ring, idleTimeout, tally)
}

function keyFor(id: string): string {
  return `s:${sha256(id)}`
}

/** The ring of `session.keys`; without any, one key for this process. */
export function ringOf(settings: SessionSettings): KeyRing {
  return new KeyRing(settings.keys.length > 0 ? settings.keys : [processKey()])
}

export const sessionsShared: Shared<SessionSettings, RunningSessions> = {
  name: 'sessions',
  async open(settings, host) {
    if (settings.keys.length === 0)
      host.log.warn({}, 'session_key_made: session.keys is empty, so sessions end when this process does')
    const store = await openStore(host, settings.store)
    const sessions = makeSessions(store, ringOf(settings), settings.idle_timeout, sessionTally(host.metrics))
    host.every(TICK_MS, () => sessions.tick())
    return sessions
  },
  close: (sessions) => sessions.close(),
}
