// Logins under way. Each is a sealed record of the store under its state, used once; the browser holds one handle for all of its tabs.
import type { Sometimes } from '../../../core/index.ts'
import type { Params } from '../idp/idp.ts'
import type { KeyRing } from '../session/seal.ts'
import type { SessionStore } from '../session/session-store.ts'
import type { DpopKey } from '../token/dpop.ts'
import { randomId, sha256 } from '../util/random-id.ts'
import type { Authorization } from './step-up.ts'

export const flowLifetime = 10 * 60_000
/** Per browser; the oldest goes first. A background that keeps asking must not fill the store. */
const maxFlows = 32

/** What the callback must fit. The issuer is kept here: the code goes to that token endpoint and to no other (BCP-5). */
export interface Flow {
  readonly issuer: string
  /** The public origin it was begun at, and ends at: its redirect URI is there, and so is the session. */
  readonly origin: string
  readonly nonce: string
  readonly codeVerifier: string
  readonly dpop?: DpopKey
  readonly returnTo: string
  /** What whoever began it asked of the identity provider (`auth.pass_params`). */
  readonly passed: Params
  /** Asked for in this round. */
  readonly resources: readonly string[]
  /** Counts restarts after a refused resource. */
  readonly round: number
  /** The store's key of the session this browser had when the login began. */
  readonly oldSession?: string
  /** Not a login: it fetches what a session lacks for one service. */
  readonly stepUp?: StepUp
}

export interface StepUp {
  readonly service: string
  /** The session's id, for a store's key opens none. Sealed like the rest of the flow. */
  readonly session: string
  /** Asked with `prompt=none`: an answer that wants the user is followed by a round that shows the provider's pages. */
  readonly silent: boolean
  /** Begun by a login for each service with a grant of its own: who is next. Such a round never shows a page. */
  readonly after?: readonly string[]
  readonly asked: Authorization
  /** Blank-separated. */
  readonly scope: string
}

interface Kept extends Flow {
  readonly browser: string
}

/** `foreign`: alive, but begun by another browser, or by this one before it got its cookie. It stays. */
export type Taken =
  | { readonly kind: 'flow'; readonly flow: Flow }
  | { readonly kind: 'foreign'; readonly returnTo: string }
  | { readonly kind: 'unknown' }

export interface Flows {
  /** `owner`: the client's address, as who else fills the store must not drop this one. */
  begin(handle: string, flow: Flow, owner: string): Promise<{ readonly state: string }>
  take(handle: string | undefined, state: string, origin: string): Promise<Taken>
}

interface Waiting {
  readonly flows: string[]
  readonly written: Promise<void>
}

export function makeFlows(store: SessionStore, ring: KeyRing): Flows {
  /** By handle; no longer than it takes. */
  const writing = new Map<string, Promise<void>>()
  const waiting = new Map<string, Waiting>()

  return {
    async begin(handle, flow, owner) {
      const state = randomId()
      const key = flowKey(state)
      const kept: Kept = { ...flow, browser: sha256(handle) }
      await store.put(key, ring.sealJson(state, key, kept), { expect: null, ttl: flowLifetime, owner })
      await enlist(handle, key, owner)
      return { state }
    },

    async take(handle, state, origin) {
      const key = flowKey(state)
      const found = await store.get(key)
      const kept = found === undefined || found === 'same' ? undefined : ring.openJson<Kept>(state, key, found.value)
      if (kept === undefined || kept.origin !== origin) return { kind: 'unknown' }
      // Looked at before it is taken: a link with somebody's state must not end that somebody's login.
      if (handle === undefined || kept.browser !== sha256(handle)) return { kind: 'foreign', returnTo: kept.returnTo }
      const { browser: _, ...flow } = kept
      return (await store.take(key)) === undefined ? { kind: 'unknown' } : { kind: 'flow', flow }
    },
  }

  /**
   * Those of one browser that begin together are listed together. Each alone would conflict with all others: a few hundred requests with one
   * cookie made a store across a network do a hundred thousand writes.
   */
  function enlist(handle: string, flow: string, owner: string): Promise<void> {
    const known = waiting.get(handle)
    if (known !== undefined) {
      known.flows.push(flow)
      return known.written
    }
    const before = writing.get(handle)
    if (before === undefined) return write(handle, [flow], owner)
    const flows = [flow]
    const next = (): Promise<void> => {
      waiting.delete(handle)
      return write(handle, flows, owner)
    }
    const written = before.then(next, next)
    waiting.set(handle, { flows, written })
    return written
  }

  function write(handle: string, flows: readonly string[], owner: string): Promise<void> {
    const written = append(handle, flows, owner).finally(() => writing.delete(handle))
    writing.set(handle, written)
    return written
  }

  /** The list of this browser's flows; what falls off its end is deleted. */
  async function append(handle: string, added: readonly string[], owner: string): Promise<void> {
    const key = `f:${sha256(`browser:${handle}`)}`
    for (;;) {
      const found = await store.get(key)
      const known = found === undefined || found === 'same' ? undefined : found
      const flows = [...((known && ring.openJson<string[]>(handle, key, known.value)) ?? []), ...added]
      const sealed = ring.sealJson(handle, key, flows.slice(-maxFlows))
      const done = await store.put(key, sealed, {
        expect: known?.version ?? null,
        ttl: flowLifetime,
        owner,
      })
      if (done === 'conflict') continue // with another process
      await Promise.all(flows.slice(0, -maxFlows).map((old): Sometimes<boolean> => store.delete(old)))
      return
    }
  }
}

function flowKey(state: string): string {
  return `f:${sha256(state)}`
}
