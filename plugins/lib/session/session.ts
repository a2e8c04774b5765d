// What a session is. plugins/lib/session/sessions.ts opens, changes and ends them; the broker keeps service tokens in them.
import type { Fault, Sometimes } from '../../../core/index.ts'
import type { SessionEnd } from '../bridge-metrics.ts'
import type { DpopKey } from '../token/dpop.ts'
import type { TokenReason } from '../token/reasons.ts'
import type { BoundClient } from './client-binding.ts'
import type { SessionStore } from './session-store.ts'
import type { Bound } from './session-watch.ts'

/** One service's access token as kept in the sealed session. Times in ms since the epoch. */
export interface StoredToken {
  readonly token: string
  /** SHA-256 of (issuer, client, what is asked for, what is checked, strategy): a token with an old one is never sent. */
  readonly config: string
  readonly audience: string
  readonly mintedAt: number
  readonly expiresAt: number
  /** Bound to the session's key: worth nothing without a proof. */
  readonly dpop?: true
  /** Bound to the client certificate with this thumbprint (`x5t#S256`): worth nothing on other connections. */
  readonly certificate?: string
  /** The IdP refused to renew it: not asked again before. It is sent as long as it lives. */
  readonly renewAfter?: number
}
/** The IdP said no: asked again only after `until`, or when the config's fingerprint changes. */
export interface StoredRefusal {
  readonly refused: Exclude<TokenReason, 'no_mapping'>
  readonly config: string
  readonly until: number
}

/** One service's own grant: an authorization of its own, with a refresh token that the login's knows nothing of. */
export interface ServiceGrant {
  /** As `StoredToken.config`: what was granted for another audience or client serves no longer. */
  readonly config: string
  readonly refreshToken?: string
  /** What the authorization itself brought. */
  readonly access: { readonly token: string; readonly expiresAt: number }
  readonly grantedScopes: string
}

/** Sealed before it reaches a store. Plain JSON; replaced whole, never edited in place. Times in ms since the epoch. */
export interface SessionData {
  readonly v: 1
  readonly issuer: string
  /** The public origin it was made on. */
  readonly origin: string
  readonly sub: string
  readonly sid?: string
  /** Of the login cookie it was made under, until the browser presents it: then its siblings have no owner. */
  readonly browser?: string
  /** First label of X-Original-User: auth:account:{provider}:{sub}. */
  readonly provider: string
  /** Identity claims shown by /auth/session; `sub` among them. */
  readonly user: Readonly<Record<string, unknown>> & { readonly sub: string }
  readonly authTime: number
  readonly createdAt: number
  /** The absolute end. */
  readonly endsAt: number
  /** Only ever sent as id_token_hint. */
  readonly idToken?: string
  readonly refreshToken?: string
  /** What the session's access tokens are bound to (RFC 9449). */
  readonly dpop?: DpopKey
  /** How long a refresh token lives, in ms, and until when this one does; absent: the identity provider does not say, or it has no end. */
  readonly refreshLife?: number
  readonly refreshUntil?: number
  /** The client it was opened from, where `session.bind` asks for it. */
  readonly client?: BoundClient
  /** The login's own access token, for minters that use or exchange it. */
  readonly access?: { readonly token: string; readonly expiresAt: number }
  readonly grantedScopes: string
  /** Resources asked for at login and not refused. */
  readonly grantedResources: readonly string[]
  /** Resources that the login wanted and the IdP refused: signing in again would not help before the IdP is mended. */
  readonly refusedResources?: readonly string[]
  readonly services: Readonly<Record<string, StoredToken | StoredRefusal>>
  /** By service, where the minter wants one each. */
  readonly grants?: Readonly<Record<string, ServiceGrant>>
  /**
   * Refresh tokens that a later authorization replaced, to be revoked with the session and not before: some providers keep one grant for
   * all authorizations of a user, and revoking the old token would take the new one with it.
   */
  readonly outgrown?: readonly string[]
}

/**
 * An opened session, as the `session` slot. It prints as its hash; the tokens are behind `secretsOf` (plugins/lib/session/sessions.ts), which
 * stages of others do not import.
 */
export interface Session {
  /** First 16 characters of the base64url SHA-256 of the store key: safe to log, useless as a cookie. */
  readonly hash: string
  readonly sub: string
  readonly issuer: string
  readonly provider: string
  readonly user: SessionData['user']
  readonly authTime: number
  readonly endsAt: number
}

declare module '../../../core/contract.ts' {
  interface Slots {
    session: Session
  }
}

/** Until when a service may be used (ms since the epoch), or why no longer; undefined: not to be told just now. */
export type TokenAuthority = (session: Session, service: string) => Promise<number | Fault | undefined>

/** Sessions of one store and key ring; survives reloads that change neither. */
export interface Sessions {
  /** By the cookie's value, validated first (43 base64url characters). Undefined: none such, ended, expired, or not to be opened. */
  open(id: string): Sometimes<Session | undefined>
  create(data: SessionData): Promise<{ readonly id: string; readonly session: Session }>
  /** The tokens inside, as last known to this process. */
  secretsOf(session: Session): SessionData
  /**
   * Read, change, compare-and-set; again on conflict. `change` is pure and may run more than once; answering its input changes nothing.
   * 'gone': ended meanwhile, nothing was written. All holders of this Session see the new data.
   */
  update(session: Session, change: (now: SessionData) => SessionData): Promise<SessionData | 'gone'>
  /** As the store has it now: another process may have spent the refresh token since this one last looked. */
  latest(session: Session): Promise<SessionData | 'gone'>
  /** The browser has it: whatever other tabs of it began at the same time has no owner, and ends. */
  claim(session: Session): void
  /** Afterwards no request of this session succeeds. */
  end(session: Session, reason?: SessionEnd): Promise<void>
  /** For who waited since the session was opened: whether it ended meanwhile, as far as this process knows. */
  over(session: Session): boolean
  /** The store's key, for who must end the session later and may not hold its id (a login flow: the browser's old session). */
  keyOf(session: Session): string
  /** What `open` takes. For a sealed record only: whoever holds it holds the session. */
  idOf(session: Session): string
  /** False: there was none. */
  endKey(key: string, reason?: SessionEnd): Promise<boolean>
  /**
   * Binds something open to its session: told when the session ends, however and wherever it does, within a second. The answer lets go of
   * it. Undefined: the session is over already.
   */
  bind(session: Session, bound: Bound): (() => void) | undefined
  /** Says whether a service's token is still to be had. The answer takes it back; the last one that is left is asked. */
  vouch(authority: TokenAuthority): () => void
  readonly authority: TokenAuthority | undefined
  /** Key of the one queue for everything that spends this session's refresh token. */
  queueOf(session: Session): string
  /** The store's, where other processes may open the same sessions. */
  readonly leases: Pick<SessionStore, 'lease' | 'settled'> | undefined
}
