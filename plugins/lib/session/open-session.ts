// The two halves of an opened session: what the `session` slot shows, and what only plugins/lib/session/sessions.ts may touch.
import { performance } from 'node:perf_hooks'
import { sha256 } from '../util/random-id.ts'
import type { Session, SessionData } from './session.ts'
import { endOf } from './session-end.ts'

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

/** What this process knows of one session. On the monotonic clock: `end`, `touched`, `seen`, `ranked`. */
export interface Known {
  readonly id: string
  readonly key: string
  end: number
  data: SessionData
  version: string
  touched: number
  seen: number
  /** When it was last put behind all others that are less recently used. */
  ranked: number
  over: boolean
  /** Updates of one session run one after the other: answers of a store may overtake each other. */
  updates: Promise<unknown>
}

const known = new WeakMap<Session, Known>()

export function openSession(id: string, key: string, data: SessionData, version: string): Session {
  const session = new OpenSession(key, data)
  const at = performance.now()
  const end = endOf(data)
  const updates = Promise.resolve()
  known.set(session, { id, key, end, data, version, touched: 0, seen: at, ranked: at, over: false, updates })
  return session
}

/** Out of reach for who only holds the slot; a copy or a look-alike is refused. */
export function knownOf(session: Session): Known {
  const found = known.get(session)
  if (found === undefined) throw new TypeError('not a session that was opened here')
  return found
}
