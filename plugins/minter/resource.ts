import { z } from 'zod'
import { defineService } from '../../core/index.ts'
import { isResourceIndicator } from '../lib/settings/text-values.ts'
import { holdsAudience } from '../lib/token/audience.ts'
import type { Grant, Minted, Minter, MintRefused, MintWish, TokenEndpoint } from '../lib/token/minter.ts'
import { grantedScopes, mintByRefresh } from '../lib/token/refresh-mint.ts'

/**
 * What to do about an audience that the login was not granted. `step_up`: have the browser fetch it. `ask`: for IdPs that decide by
 * their scope mapping of today. oidc-provider decides by the login, and spends the refresh token before it refuses: asking costs the session.
 */
const options = z.strictObject({ ungranted: z.enum(['step_up', 'ask']).default('step_up') }).prefault({})
type Options = z.infer<typeof options>

/** The login's own token comes for the first resource, so without a refresh token one service at least works. */
function fromLogin(wish: MintWish, grant: Grant) {
  return grant.access !== undefined && holdsAudience(grant.access.token, wish.audience) ? grant.access : undefined
}

function refuses(wish: MintWish, grant: Grant, { ungranted }: Options): MintRefused | undefined {
  if (!isResourceIndicator(wish.audience))
    return { kind: 'refused', reason: 'not_mintable', words: 'the audience is no absolute URI' }
  if (grant.refreshToken === undefined)
    return fromLogin(wish, grant) === undefined ? { kind: 'refused', reason: 'no_refresh_token' } : undefined
  if (ungranted === 'step_up' && !grant.grantedResources.includes(wish.audience)) {
    // A login that would end as the last one did is no cure: a page that follows login_url would go round for ever.
    return grant.refusedResources?.includes(wish.audience)
      ? { kind: 'refused', reason: 'denied_by_idp', words: 'refused at login' }
      : { kind: 'refused', reason: 'step_up', stepUp: true, words: 'not granted at login' }
  }
  return undefined
}

async function mint(wish: MintWish, grant: Grant, idp: TokenEndpoint): Promise<Minted> {
  const { refreshToken } = grant
  if (refreshToken === undefined) {
    const access = fromLogin(wish, grant)
    return access === undefined ? { kind: 'refused', reason: 'no_refresh_token' } : { kind: 'token', ...access }
  }
  const scope = grantedScopes(wish, grant)
  return mintByRefresh(wish, grant, idp, { resource: wish.audience, ...(scope === '' ? {} : { scope }) })
}

const atLogin: Minter['atLogin'] = (wishes) =>
  [...new Set(wishes.map(({ audience }) => audience).filter(isResourceIndicator))].map((audience) => [
    'resource',
    audience,
  ])

/** RFC 8707: one `resource` on each refresh grant. */
export default defineService<Options, 'minter'>({
  kind: 'minter',
  name: 'resource',
  options,
  open: ({ options }) => ({
    spends: 'refresh',
    atLogin,
    refuses: (wish, grant) => refuses(wish, grant, options),
    mint,
  }),
})
