import { createHash } from 'node:crypto'
import type { PluginRef } from '../../core/index.ts'
import type { MintWish } from './minter.ts'
import type { SessionData, StoredRefusal, StoredToken } from './session.ts'

/** What a service's token is minted for. */
export interface TokenPlan {
  readonly wish: MintWish
  /** `StoredToken.config` of tokens that fit. */
  readonly config: string
  /** Of the mint in the queue: two services may want the same audience, and each keeps a token of its own. */
  readonly key: string
}

export interface PlanSettings {
  readonly issuer: string
  readonly client_id: string
  readonly mint: PluginRef
}

/** Two configurations with one fingerprint would be given the same token by the same IdP. */
export function tokenPlan(wish: MintWish, { issuer, client_id, mint }: PlanSettings): TokenPlan {
  const { audience, scopes } = wish
  const parts = JSON.stringify([issuer, client_id, audience, [...scopes].sort(), mint])
  const config = createHash('sha256').update(parts).digest('base64url')
  return { wish, config, key: `${wish.service} ${config}` }
}

/** The service's token or refusal, if it was made for this very plan. */
export function heldFor(data: SessionData, plan: TokenPlan): StoredToken | StoredRefusal | undefined {
  const { service } = plan.wish
  const held = Object.hasOwn(data.services, service) ? data.services[service] : undefined
  return held?.config === plan.config ? held : undefined
}

export function isToken(held: StoredToken | StoredRefusal | undefined): held is StoredToken {
  return held !== undefined && 'token' in held
}

export function isRefusal(held: StoredToken | StoredRefusal | undefined): held is StoredRefusal {
  return held !== undefined && 'refused' in held
}
