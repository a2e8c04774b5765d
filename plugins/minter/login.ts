import { defineService } from '../../core/index.ts'
import type { Grant, Minted, Minter, MintRefused, MintWish, TokenEndpoint } from '../lib/token/minter.ts'
import { refreshGrant } from '../lib/token/token-request.ts'

function refuses(_wish: MintWish, grant: Grant): MintRefused | undefined {
  if (grant.access !== undefined || grant.refreshToken !== undefined) return undefined
  return { kind: 'refused', reason: 'no_refresh_token', stepUp: true }
}

async function mint(wish: MintWish, grant: Grant, idp: TokenEndpoint): Promise<Minted> {
  if (grant.access !== undefined) return { kind: 'token', ...grant.access }
  if (grant.refreshToken === undefined) return { kind: 'refused', reason: 'no_refresh_token', stepUp: true }
  const asked = await refreshGrant(idp, grant.refreshToken, { ...wish.params }, wish.tokenEndpoint)
  if (asked.kind !== 'answer') return asked
  const { accessToken, expiresAt, refreshToken } = asked.answer
  const rotated = refreshToken === undefined ? {} : { refreshToken }
  return { kind: 'token', token: accessToken, expiresAt, renewsAccess: true, ...rotated }
}

const minter: Minter = { spends: 'refresh', atLogin: () => [], refuses, mint }

/** The login's own access token, for IdPs that put every service's audience into it. */
export default defineService<undefined, 'minter'>({ kind: 'minter', name: 'login', open: () => minter })
