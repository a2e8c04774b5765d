declare module '../../core/contract.ts' {
  interface Kinds {
    minter: Minter
  }
}

/** What to mint: the service's line in service_audiences and service_scopes. */
export interface MintWish {
  readonly service: string
  readonly audience: string
  readonly scopes: readonly string[]
}

/** What the session has to mint with. */
export interface Grant {
  readonly refreshToken?: string
  readonly access?: { readonly token: string; readonly expiresAt: number }
  readonly grantedResources: readonly string[]
}

/** The token as the IdP gave it: the broker checks `aud`, issuer and expiry before it is kept. `expiresAt` in ms since the epoch. */
export type Minted =
  | { readonly kind: 'token'; readonly token: string; readonly expiresAt: number; readonly refreshToken?: string }
  /** `words`: the IdP's own error and description, for the log. `refreshToken`: rotated although refused. */
  | {
      readonly kind: 'refused'
      readonly reason: 'denied_by_idp' | 'no_refresh_token' | 'not_mintable'
      readonly words?: string
    }
  | { readonly kind: 'grant_lost'; readonly words?: string }
  /** Seconds. */
  | { readonly kind: 'unavailable'; readonly retryAfter: number; readonly words?: string }

/** The IdP as minters see it; plugins/lib/idp.ts implements it with openid-client. Rejects with the library's errors. */
export interface TokenEndpoint {
  /** Never aborted from outside: a redeem whose outcome is open must not be repeated. */
  refresh(refreshToken: string, params: Readonly<Record<string, string>>): Promise<TokenAnswer>
}
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
  /** Parameters the login itself must send for these wishes, e.g. `resource` values. Pure. */
  atLogin(wishes: readonly MintWish[]): readonly (readonly [name: string, value: string])[]
  mint(wish: MintWish, grant: Grant, idp: TokenEndpoint): Promise<Minted>
}
