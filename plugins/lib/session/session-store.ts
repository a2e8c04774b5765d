import type { Sometimes } from '../../../core/index.ts'

declare module '../../../core/contract.ts' {
  interface Kinds {
    'session-store': SessionStore
  }
}

/** What a store keeps under a key. */
export interface Stored {
  readonly value: Uint8Array
  /** Never '0'; changes with every put, not with touch. */
  readonly version: string
}

/**
 * Sealed bytes under opaque keys (`s:` sessions, `f:` login flows, `j:` logout jti). Knows no session, token or user: sealing,
 * hashing and expiry by the clock lie above. Every call settles within the store's own `timeout`, else rejects
 * STORE_UNAVAILABLE (never "absent"). A plain value may be returned instead of a promise: memory then costs no microtask.
 */
export interface SessionStore {
  /** `unless`: the version the caller still has opened; 'same' spares bytes and unsealing. */
  get(key: string, unless?: string): Sometimes<Stored | 'same' | undefined>
  /**
   * Atomic compare-and-set. `expect: null`: must be absent (login, jti). Otherwise the stored version must be this one.
   * Answers the new version, or 'conflict' (changed, or deleted: a late refresh cannot bring a logged-out session back).
   * `index`: HMACs of sid and sub; absent: kept as it was. `owner`: on whose behalf it is kept (login flows: a client's address; sessions: the
   * user's index word); a store that is full drops first what the owner of the most has. `ttl` in ms, counted by the store's clock (hosts' clocks differ).
   */
  put(
    key: string,
    value: Uint8Array,
    opts: {
      readonly expect: string | null
      readonly ttl: number
      readonly index?: readonly string[]
      readonly owner?: string
    },
  ): Sometimes<{ readonly version: string } | 'conflict'>
  /** Moves the expiry, value and version unchanged; false: absent, and stays absent. */
  touch(key: string, ttl: number): Sometimes<boolean>
  delete(key: string): Sometimes<boolean>
  /** Atomic get-and-delete: a login flow's state is used once. */
  take(key: string): Sometimes<Stored | undefined>
  /** Keys under an index word, for back-channel logout and "end all sessions of". May name dead keys, never misses a live one. */
  find(index: string): AsyncIterable<string>
  /** One holder in all processes; undefined: someone else has it. A lease saves calls to the IdP, it does not guard data: the compare-and-set does. */
  lease(name: string, ttl: number): Sometimes<Lease | undefined>
  /** Changes made by other processes (deletes at least), `lost` when some may have been missed: drop every opened session. */
  watch?(changed: (key: string) => void, lost: () => void): () => void
  /** Best effort; resolves when `name`'s lease is free or `ms` passed. Absent: callers poll. */
  settled?(name: string, ms: number): Promise<void>
  readonly reach: 'process' | 'host' | 'cluster'
}

/** A lease that is held. `renew` false: it ran out, and may be another's by now. */
export interface Lease {
  renew(ttl: number): Sometimes<boolean>
  release(): Sometimes<void>
}

export type PutOptions = Parameters<SessionStore['put']>[2]
