import type { DpopKey } from './dpop.ts'
import type { TokenReason } from './reasons.ts'

declare module '../../../core/contract.ts' {
  interface Kinds {
    minter: Minter
  }
}

/** What to mint: the service's line in service_audiences, service_scopes and service_tokens. */
export interface MintWish {
  readonly service: string
  readonly audience: string
  readonly scopes: readonly string[]
  /** More parameters of the token request; none that a minter sets itself. */
  readonly params?: Readonly<Record<string, string>>
  /** Another token endpoint than the IdP's metadata names. */
  readonly tokenEndpoint?: string
}

/** The login's own access token. `expiresAt` in ms since the epoch. */
interface LoginAccess {
  readonly token: string
  readonly expiresAt: number
}

/** What the session has to mint with. A minter that spends nothing may need none of it. */
export interface Grant {
  readonly refreshToken?: string
  /** Absent where it has expired, or where a fresher one is wanted: a minter may use what it is given as it is. */
  readonly access?: LoginAccess
  /** Blank-separated; empty: not known. */
  readonly grantedScopes: string
  readonly grantedResources: readonly string[]
  readonly refusedResources?: readonly string[]
  /** The session's own key, where its tokens are bound to one. */
  readonly dpop?: DpopKey
}

/**
 * No, and asking again changes nothing by itself. `words`: the IdP's own error and description, for the log. `refreshToken`: rotated
 * although refused. `stepUp`: a new login would help; with the reason `step_up`, an authorization for this service alone.
 */
export interface MintRefused {
  readonly kind: 'refused'
  readonly reason: Exclude<TokenReason, 'no_mapping'>
  readonly words?: string
  readonly refreshToken?: string
  readonly stepUp?: boolean
}

/** The token as the IdP gave it: the broker checks `aud`, issuer and expiry before it is kept. `expiresAt` in ms since the epoch. */
export type Minted =
  | {
      readonly kind: 'token'
      readonly token: string
      readonly expiresAt: number
      readonly refreshToken?: string
      /** Blank-separated scopes that the IdP says it granted. Absent: those that were asked for. */
      readonly scope?: string
      /** The token is the login's own, renewed: kept for the other services too. */
      readonly renewsAccess?: boolean
    }
  | MintRefused
  | { readonly kind: 'grant_lost'; readonly words?: string }
  /** The IdP no longer takes `Grant.access`, though it lives: the broker renews it and asks once more. */
  | { readonly kind: 'access_lost'; readonly words?: string }
  /** A passing fault. `retryAfter` in seconds. `alarm`: it will not pass without an operator (invalid_client). */
  | { readonly kind: 'unavailable'; readonly retryAfter: number; readonly words?: string; readonly alarm?: boolean }

/** The IdP as minters see it; plugins/lib/idp/idp.ts implements it with openid-client. Rejects with the library's errors. */
export interface TokenEndpoint {
  /** Who is asked, and as whom: a minter outlives reloads that change either, and what it keeps belongs to these two. */
  readonly issuer?: string
  readonly clientId?: string
  /** Never aborted from outside: a redeem whose outcome is open must not be repeated. */
  refresh(
    refreshToken: string,
    params: Readonly<Record<string, string>>,
    endpoint?: string,
    /** What the answer's access token is to be bound to. Minters leave it out: the broker adds the session's. */
    key?: DpopKey,
  ): Promise<TokenAnswer>
  /** Any other grant, e.g. a token exchange (RFC 8693), with the client's own authentication. */
  grant(type: string, params: Readonly<Record<string, string>>, endpoint?: string, key?: DpopKey): Promise<GrantAnswer>
}
export interface GrantAnswer extends TokenAnswer {
  /** RFC 8693 section 2.2.1. */
  readonly issuedTokenType?: string
}
/** A token endpoint's answer, read and judged for its form. */
export interface TokenAnswer {
  readonly accessToken: string
  /** ms since the epoch: `expires_in`, else the JWT's `exp`, else 60 s. */
  readonly expiresAt: number
  readonly refreshToken?: string
  readonly idToken?: string
  readonly scope?: string
}

/** One strategy of getting a service's token (FIELD: login, resource, audience, scope…). */
export interface Minter {
  /** Whether it spends the session's refresh token: then it runs in the session's one queue. */
  readonly spends: 'refresh' | 'nothing'
  /** It works with the login's own access token: the broker sees to it that `Grant.access` is alive, where that can be had. */
  readonly uses?: 'access'
  /**
   * It works with a grant of the service's own: what the authorization for it must ask for beside the login's scopes and the service's.
   * `Grant` then holds that grant's tokens. Pure.
   */
  authorization?(wish: MintWish): readonly (readonly [name: string, value: string])[]
  /** Parameters the login itself must send for these wishes, e.g. `resource` values. Pure. */
  atLogin(wishes: readonly MintWish[]): readonly (readonly [name: string, value: string])[]
  /** Pure: what is known to fail without asking the IdP. Undefined: worth asking. */
  refuses(wish: MintWish, grant: Grant): MintRefused | undefined
  /** Asked only where `refuses` did not. Settles with a `Minted`; a rejection counts as a fault of the minter. */
  mint(wish: MintWish, grant: Grant, idp: TokenEndpoint): Promise<Minted>
}
