import { defineService } from '../../core/index.ts'
import type { Minter } from '../lib/token/minter.ts'
import { grantedScopes, mintByRefresh } from '../lib/token/refresh-mint.ts'

const minter: Minter = {
  spends: 'refresh',
  atLogin: () => [],
  refuses: (_wish, grant) =>
    grant.refreshToken === undefined ? { kind: 'refused', reason: 'no_refresh_token', stepUp: false } : undefined,
  mint(wish, grant, idp) {
    const scope = grantedScopes(wish, grant)
    return mintByRefresh(wish, grant, idp, { audience: wish.audience, ...(scope === '' ? {} : { scope }) })
  },
}

/** A refresh grant with `audience`: Auth0's multi-resource refresh tokens. What it does not know it answers with the default audience. */
export default defineService<undefined, 'minter'>({ kind: 'minter', name: 'audience', open: () => minter })
