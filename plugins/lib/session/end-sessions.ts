// Ends sessions by what others know of them: the identity provider its `sid`, an operator the `sub`. Nobody here holds their ids.
import type { SessionEnd } from '../bridge-metrics.ts'
import type { KeyRing } from './seal.ts'
import type { Sessions } from './session.ts'
import type { SessionStore } from './session-store.ts'

export interface Whose {
  readonly issuer: string
  readonly sub?: string | undefined
  readonly sid?: string | undefined
}

export interface SessionEnder {
  /** All sessions of the sid, of the sub, or, where both are given, of both. Answers how many there were. Rejects where the store is away. */
  end(whose: Whose, reason: SessionEnd): Promise<number>
}

export function makeSessionEnder(store: SessionStore, ring: KeyRing, sessions: Sessions): SessionEnder {
  async function keysOf(kind: 'sub' | 'sid', issuer: string, word: string): Promise<Set<string>> {
    const keys = new Set<string>()
    for (const spelling of spellings(issuer))
      for (const index of ring.indexes(kind, spelling, word)) for await (const key of store.find(index)) keys.add(key)
    return keys
  }

  return {
    async end({ issuer, sub, sid }, reason) {
      const bySid = sid === undefined ? undefined : await keysOf('sid', issuer, sid)
      const bySub = sub === undefined ? undefined : await keysOf('sub', issuer, sub)
      const keys = bySid === undefined ? [...(bySub ?? [])] : [...bySid].filter((key) => bySub?.has(key) ?? true)
      const ended = await Promise.all(keys.map((key) => sessions.endKey(key, reason)))
      return ended.filter(Boolean).length
    },
  }
}

/** A session keeps its issuer as the ID token spelt it; config may have a final slash more or less. */
function spellings(issuer: string): readonly string[] {
  const bare = issuer.replace(/\/$/, '')
  return [bare, `${bare}/`]
}
