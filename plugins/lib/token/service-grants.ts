// Where a service's tokens come from: the login's grant, or one of the service's own (`Minter.authorization`).
import type { SessionData } from '../session/session.ts'
import { withRotated } from '../session/session-end.ts'
import type { TokenPlan } from './token-plan.ts'

/** What is minted with. */
export type TokenSource = Partial<Pick<SessionData, 'refreshToken' | 'access' | 'grantedScopes'>>

const nothing: TokenSource = {}

/** Without a plan: the login's. */
export function sourceOf(data: SessionData, plan?: TokenPlan): TokenSource {
  if (plan?.minter.authorization === undefined) return data
  const own = ownGrant(data, plan.wish.service)
  return own?.config === plan.config ? own : nothing
}

export function withRefreshToken(
  data: SessionData,
  plan: TokenPlan | undefined,
  refreshToken: string,
  at: number,
): SessionData {
  if (plan?.minter.authorization === undefined) return withRotated(data, refreshToken, at)
  const { service } = plan.wish
  const own = ownGrant(data, service)
  return own === undefined ? data : { ...data, grants: { ...data.grants, [service]: { ...own, refreshToken } } }
}

export function withoutGrant(data: SessionData, { wish }: TokenPlan): SessionData {
  const grants = Object.entries(data.grants ?? {}).filter(([service]) => service !== wish.service)
  return { ...data, grants: Object.fromEntries(grants) }
}

/** Of all grants, those that were replaced included: what a logout revokes. */
export function refreshTokens({ refreshToken, grants = {}, outgrown = [] }: SessionData): readonly string[] {
  const all = [refreshToken, ...Object.values(grants).map((grant) => grant.refreshToken), ...outgrown]
  return all.filter((token) => token !== undefined)
}

/** Bounded: a page that steps up for ever must not fill the store. */
const maxOutgrown = 16

export function outgrow(data: SessionData, ...tokens: readonly (string | undefined)[]): SessionData {
  const old = tokens.filter((token) => token !== undefined)
  return old.length === 0 ? data : { ...data, outgrown: [...(data.outgrown ?? []), ...old].slice(-maxOutgrown) }
}

export function ownGrant({ grants }: SessionData, service: string) {
  return grants !== undefined && Object.hasOwn(grants, service) ? grants[service] : undefined
}
