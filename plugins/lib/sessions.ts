// Sealed sessions over a store. The cookie holds a random id, the store's key is its hash, the value is sealed with both.
import { performance } from 'node:perf_hooks'
import type { Shared } from '../../core/index.ts'
import { now } from './clock.ts'
import { isRandomId, randomId, sha256 } from './random-id.ts'
import { KeyRing, processKey } from './seal.ts'
import type { Session, SessionData, Sessions } from './session.ts'
import type { SessionStore, Stored } from './session-store.ts'
import type { SessionSettings } from './settings.ts'

const maxOpened = 10_000
/** A store that tells of changes is believed for so long; others are asked each time. */
const trustChanges = 5_000

class OpenSession implements Session {
  readonly hash: string
  readonly sub: string
  readonly issuer: string
  readonly provider: string
  readonly user: SessionData['user']
  readonly authTime: number
  readonly endsAt: number

  constructor(key: string, data: SessionData) {
    this.hash = sha256(key).slice(0, 16)
    this.sub = data.sub
    this.issuer = data.issuer
    this.provider = data.provider
    this.user = data.user
    this.authTime = data.authTime
    this.endsAt = data.endsAt
  }

  /** In a log line a session is its hash, nothing of the user. */
  toJSON(): string {
    return `session ${this.hash}`
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toJSON()
  }
  [Symbol.for('Deno.customInspect')](): string {
    return this.toJSON()
  }
}

/** What this process knows of one session. On the monotonic clock: `end`, `touched`, `seen`. */
interface Known {
  readonly id: string
  readonly key: string
  readonly end: number
  data: SessionData
  version: string
  touched: number
  seen: number
  over: boolean
  /** Updates of one session run one after the other: answers of a store may overtake each other. */
  updates: Promise<unknown>
}

/** Of all `Sessions` of the process: the private half of every Session object, out of reach for who only holds the slot. */
const known = new WeakMap<Session, Known>()

function knownOf(session: Session): Known {
  const found = known.get(session)
  if (found === undefined) throw new TypeError('not a session that was opened here')
  return found
}

export function makeSessions(store: SessionStore, ring: KeyRing, idleTimeout: number): Sessions & { close(): void } {
  /** Least recently used first. */
  const opened = new Map<string, Session>()
  const unwatch = store.watch?.(
    (key) => opened.delete(key),
    () => opened.clear(),
  )

  function open(id: string): Session | undefined | Promise<Session | undefined> {
    if (!isRandomId(id)) return undefined
    const key = keyFor(id)
    const session = opened.get(key)
    const cached = session === undefined ? undefined : knownOf(session)
    if (session !== undefined && cached !== undefined && believed(cached)) return used(session, cached)
    const asked = cached?.version
    const found = store.get(key, asked)
    return found instanceof Promise ? found.then((late) => judge(id, key, asked, late)) : judge(id, key, asked, found)
  }

  function believed(cached: Known): boolean {
    if (store.watch === undefined || cached.over) return false
    const at = performance.now()
    return at - cached.seen < trustChanges && at - cached.touched < idleTimeout && at < cached.end
  }

  function judge(
    id: string,
    key: string,
    asked: string | undefined,
    found: Stored | 'same' | undefined,
  ): Session | undefined {
    const before = opened.get(key)
    if (found === undefined) {
      forget(key, before)
      return undefined
    }
    const session = before ?? (found === 'same' ? undefined : adopt(id, key, found))
    if (session === undefined) return undefined
    const state = knownOf(session)
    // Changed here while the store answered: what came is older, and its refresh token may be spent.
    const overtaken = state.version !== asked && before !== undefined
    if (found !== 'same' && !overtaken && found.version !== state.version && !renew(state, found)) return undefined
    return used(session, state)
  }

  function adopt(id: string, key: string, found: Stored): Session | undefined {
    const data = ring.openJson<SessionData>(id, key, found.value)
    return data === undefined ? undefined : remember(id, key, data, found.version)
  }

  function remember(id: string, key: string, data: SessionData, version: string): Session {
    const session = new OpenSession(key, data)
    const at = performance.now()
    const end = at + data.endsAt - now()
    known.set(session, { id, key, end, data, version, touched: 0, seen: at, over: false, updates: Promise.resolve() })
    opened.set(key, session)
    if (opened.size > maxOpened) dropOldest()
    return session
  }

  function dropOldest(): void {
    const [oldest] = opened.keys()
    if (oldest !== undefined) opened.delete(oldest)
  }

  function renew(state: Known, found: Stored): boolean {
    const data = ring.openJson<SessionData>(state.id, state.key, found.value)
    if (data === undefined) return false
    state.data = data
    state.version = found.version
    return true
  }

  function used(session: Session, state: Known): Session | undefined {
    const at = performance.now()
    if (at >= state.end) {
      forget(state.key, session)
      // Best effort: the store drops it by itself at this time.
      void Promise.resolve(store.delete(state.key)).catch(() => {})
      return undefined
    }
    state.seen = at
    opened.delete(state.key)
    opened.set(state.key, session)
    if (at - state.touched >= idleTimeout / 10 || state.touched === 0) touch(state, at)
    return session
  }

  /** Not every request: a store across a network would be asked for nothing. A missed touch is made up by the next request. */
  function touch(state: Known, at: number): void {
    state.touched = at
    const done = store.touch(state.key, lifetime(state))
    if (done instanceof Promise)
      done.catch(() => {
        state.touched = 0
      })
  }

  function lifetime(state: Known): number {
    return Math.max(1, Math.min(idleTimeout, state.end - performance.now()))
  }

  function forget(key: string, session: Session | undefined): void {
    opened.delete(key)
    if (session !== undefined) knownOf(session).over = true
  }

  function update(session: Session, change: (data: SessionData) => SessionData): Promise<SessionData | 'gone'> {
    const state = knownOf(session)
    const done = state.updates.then(() => exchange(session, state, change))
    state.updates = done.catch(() => {})
    return done
  }

  async function exchange(
    session: Session,
    state: Known,
    change: (data: SessionData) => SessionData,
  ): Promise<SessionData | 'gone'> {
    while (!state.over) {
      const next = change(state.data)
      if (next === state.data) return next
      const sealed = ring.sealJson(state.id, state.key, next)
      const done = await store.put(state.key, sealed, { expect: state.version, ttl: lifetime(state) })
      if (done !== 'conflict') {
        state.data = next
        state.version = done.version
        return next
      }
      const found = await store.get(state.key)
      if (found === undefined || found === 'same' || !renew(state, found)) forget(state.key, session)
    }
    return 'gone'
  }

  return {
    open,
    async create(data) {
      const id = randomId()
      const key = keyFor(id)
      const index = [ring.index('sub', data.issuer, data.sub)]
      if (data.sid !== undefined) index.push(ring.index('sid', data.issuer, data.sid))
      const ttl = Math.max(1, Math.min(idleTimeout, data.endsAt - now()))
      const done = await store.put(key, ring.sealJson(id, key, data), { expect: null, ttl, index })
      if (done === 'conflict') throw new Error('a random session id exists already: the random source is broken')
      const session = remember(id, key, data, done.version)
      knownOf(session).touched = performance.now()
      return { id, session }
    },
    secretsOf: (session) => knownOf(session).data,
    update,
    async end(session) {
      const state = knownOf(session)
      await store.delete(state.key)
      forget(state.key, session)
    },
    async endKey(key) {
      await store.delete(key)
      forget(key, opened.get(key))
    },
    keyOf: (session) => knownOf(session).key,
    queueOf: (session) => knownOf(session).key,
    close: () => unwatch?.(),
  }
}

function keyFor(id: string): string {
  return `s:${sha256(id)}`
}

/** The ring of `session.keys`; without any, one key for this process. */
export function ringOf(settings: SessionSettings): KeyRing {
  return new KeyRing(settings.keys.length > 0 ? settings.keys : [processKey()])
}

export const sessionsShared: Shared<SessionSettings, Sessions & { close(): void }> = {
  name: 'sessions',
  async open(settings, host) {
    if (settings.keys.length === 0)
      host.log.warn({}, 'session_key_made: session.keys is empty, so sessions end when this process does')
    const store = await host.use('session-store', settings.store)
    return makeSessions(store, ringOf(settings), settings.idle_timeout)
  },
  close: (sessions) => sessions.close(),
}
