import { defineService } from '../../core/index.ts'
import type { Minter } from '../lib/token/minter.ts'
import { mintByRefresh } from '../lib/token/refresh-mint.ts'

const minter: Minter = {
  spends: 'refresh',
  atLogin: () => [],
  refuses(wish, grant) {
    // A refresh without scopes brings the login's own token, for whomever that is.
    if (wish.scopes.length === 0)
      return { kind: 'refused', reason: 'not_mintable', words: 'service_scopes names no scope of this service' }
    return grant.refreshToken === undefined ? { kind: 'refused', reason: 'no_refresh_token' } : undefined
  },
  mint: (wish, grant, idp) => mintByRefresh(wish, grant, idp, { scope: wish.scopes.join(' ') }),
}

/** A refresh grant with one API's scopes, which say the audience: Entra ID takes one API a request. */
export default defineService<undefined, 'minter'>({ kind: 'minter', name: 'scope', open: () => minter })
