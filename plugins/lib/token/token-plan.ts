import { createHash } from 'node:crypto'
import type { PluginRef } from '../../../core/index.ts'
import type { SessionData, StoredRefusal, StoredToken } from '../session/session.ts'
import type { Minter, MintWish } from './minter.ts'

/** What a token must show before it is kept. */
export interface TokenCheck {
  /** As `aud` must have it; may differ from what is asked for. */
  readonly audience: string
  readonly match: 'exact' | 'includes'
  readonly opaque: 'refuse' | 'introspect' | 'trust'
  /** Thumbprint of the certificate that the service is shown (RFC 8705). Absent: none. */
  readonly certificate?: string
}

/** A service's token as config wants it. */
export interface ServiceToken {
  readonly wish: MintWish
  readonly check: TokenCheck
  /** The name of the minter and its options, as configured. */
  readonly mint: PluginRef
}

/** What a service's token is minted for, and by whom. */
export interface TokenPlan {
  readonly wish: MintWish
  readonly check: TokenCheck
  readonly minter: Minter
  /** `StoredToken.config` of tokens that fit. */
  readonly config: string
  /** Of the mint in the queue: two services may want the same audience, and each keeps a token of its own. */
  readonly key: string
}

interface PlanSettings {
  readonly issuer: string
  readonly client_id: string
}

/** Two configurations with one fingerprint would be given the same token by the same IdP, and judge it alike. */
export function tokenPlan(
  { wish, check, mint }: ServiceToken,
  minter: Minter,
  { issuer, client_id }: PlanSettings,
): TokenPlan {
  const { audience, scopes, params = {}, tokenEndpoint = null } = wish
  const asked = [audience, [...scopes].sort(), Object.entries(params).sort(byName), tokenEndpoint]
  const parts = JSON.stringify([issuer, client_id, asked, [check.audience, check.match, check.opaque], mint])
  const config = createHash('sha256').update(parts).digest('base64url')
  return { wish, check, minter, config, key: `${wish.service} ${config}` }
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1
}

/** The service's token or refusal, if it was made for this very plan. */
export function heldFor(data: SessionData, plan: TokenPlan): StoredToken | StoredRefusal | undefined {
  const { service } = plan.wish
  const held = Object.hasOwn(data.services, service) ? data.services[service] : undefined
  if (held?.config !== plan.config) return undefined
  // A token that is bound to a certificate is good on the connections of that one only, and a reload may change it.
  return isToken(held) && held.certificate !== undefined && held.certificate !== plan.check.certificate
    ? undefined
    : held
}

export function isToken(held: StoredToken | StoredRefusal | undefined): held is StoredToken {
  return held !== undefined && 'token' in held
}

export function isRefusal(held: StoredToken | StoredRefusal | undefined): held is StoredRefusal {
  return held !== undefined && 'refused' in held
}
