import type { Grant, Minted, MintWish, TokenEndpoint } from './minter.ts'
import { refreshGrant } from './token-request.ts'

/** Asking for a scope that the login was not granted is answered invalid_scope, for the whole request. */
export function grantedScopes(wish: MintWish, grant: Grant): string {
  const granted = new Set(grant.grantedScopes.split(' '))
  return wish.scopes.filter((scope) => granted.has(scope)).join(' ')
}

/** One refresh grant with the minter's parameters and then the service's own, and what it brought. */
export async function mintByRefresh(
  wish: MintWish,
  grant: Grant,
  idp: TokenEndpoint,
  own: Readonly<Record<string, string>>,
): Promise<Minted> {
  const { refreshToken } = grant
  if (refreshToken === undefined) return { kind: 'refused', reason: 'no_refresh_token' }
  const asked = await refreshGrant(idp, refreshToken, { ...own, ...wish.params }, wish.tokenEndpoint)
  if (asked.kind !== 'answer') return asked
  const { accessToken, expiresAt, refreshToken: next, scope } = asked.answer
  return {
    kind: 'token',
    token: accessToken,
    expiresAt,
    ...(next === undefined ? {} : { refreshToken: next }),
    ...(scope === undefined ? {} : { scope }),
  }
}
