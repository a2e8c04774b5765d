import { z } from 'zod'
import { defineService } from '../../core/index.ts'
import { isResourceIndicator } from '../lib/settings/text-values.ts'
import type { Grant, Minted, Minter, MintRefused, MintWish, TokenEndpoint } from '../lib/token/minter.ts'
import { grantedScopes, mintByRefresh } from '../lib/token/refresh-mint.ts'

const options = z
  .strictObject({
    /** What names the service: `resource` (RFC 8707), `audience`, or nothing but the scopes of service_scopes. */
    by: z.enum(['resource', 'audience', 'scope'], { error: 'must be resource, audience or scope' }).default('resource'),
  })
  .prefault({})
type Options = z.infer<typeof options>

function named({ audience }: MintWish, { by }: Options): Readonly<Record<string, string>> {
  return by === 'scope' ? {} : { [by]: audience }
}

function refuses(wish: MintWish, grant: Grant, { by }: Options): MintRefused | undefined {
  if (by === 'resource' && !isResourceIndicator(wish.audience))
    return { kind: 'refused', reason: 'not_mintable', words: 'the audience is no absolute URI' }
  if (by === 'scope' && wish.scopes.length === 0)
    return { kind: 'refused', reason: 'not_mintable', words: 'service_scopes names no scope of this service' }
  if (grant.access !== undefined || grant.refreshToken !== undefined) return undefined
  // Asked and refused: a page that follows login_url would go round for ever.
  return grant.refusedResources?.includes(wish.audience)
    ? { kind: 'refused', reason: 'denied_by_idp', words: 'the authorization for this service was refused' }
    : { kind: 'refused', reason: 'step_up', stepUp: true, words: 'no grant for this service' }
}

/** What the authorization brought serves first; a rotation may have bound the refresh token to this audience, and to no other. */
async function mint(wish: MintWish, grant: Grant, idp: TokenEndpoint, options: Options): Promise<Minted> {
  if (grant.access !== undefined) return { kind: 'token', ...grant.access }
  const scope = grantedScopes(wish, grant)
  return mintByRefresh(wish, grant, idp, { ...named(wish, options), ...(scope === '' ? {} : { scope }) })
}

/**
 * An authorization and a refresh token for each service: for providers whose grant is good for one audience, or whose rotation binds it to
 * the last one asked for. The login fetches them one after the other, silently.
 */
export default defineService<Options, 'minter'>({
  kind: 'minter',
  name: 'authorize',
  options,
  open: ({ options }): Minter => ({
    spends: 'refresh',
    authorization: (wish) => Object.entries(named(wish, options)),
    atLogin: () => [],
    refuses: (wish, grant) => refuses(wish, grant, options),
    mint: (wish, grant, idp) => mint(wish, grant, idp, options),
  }),
})
