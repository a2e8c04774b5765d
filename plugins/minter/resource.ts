import { defineService } from '../../core/index.ts'
import { holdsAudience } from '../lib/audience.ts'
import type { Grant, Minted, Minter, MintRefused, MintWish, TokenEndpoint } from '../lib/minter.ts'
import { refreshGrant } from '../lib/token-request.ts'

/** RFC 8707 section 2: an absolute URI without fragment. A name such as `empowernow` is never sent. */
function isResource(audience: string): boolean {
  return URL.canParse(audience) && !audience.includes('#')
}

/** Asking for a scope that the login was not granted is answered invalid_scope, for the whole request. */
function grantedOf(wish: MintWish, grant: Grant): string {
  const granted = new Set(grant.grantedScopes.split(' '))
  return wish.scopes.filter((scope) => granted.has(scope)).join(' ')
}

/** The login's own token comes for the first resource, so without a refresh token one service at least works. */
function fromLogin(wish: MintWish, grant: Grant) {
  return grant.access !== undefined && holdsAudience(grant.access.token, wish.audience) ? grant.access : undefined
}

function refuses(wish: MintWish, grant: Grant): MintRefused | undefined {
  if (!isResource(wish.audience))
    return { kind: 'refused', reason: 'not_mintable', words: 'the audience is no absolute URI' }
  if (grant.refreshToken === undefined)
    return fromLogin(wish, grant) === undefined ? { kind: 'refused', reason: 'no_refresh_token' } : undefined
  // oidc-provider rotates the refresh token first and refuses then: asking for what was not granted would cost the session.
  if (!grant.grantedResources.includes(wish.audience))
    return { kind: 'refused', reason: 'denied_by_idp', stepUp: true, words: 'not granted at login' }
  return undefined
}

async function mint(wish: MintWish, grant: Grant, idp: TokenEndpoint): Promise<Minted> {
  const { refreshToken } = grant
  if (refreshToken === undefined) {
    const access = fromLogin(wish, grant)
    return access === undefined ? { kind: 'refused', reason: 'no_refresh_token' } : { kind: 'token', ...access }
  }
  const scope = grantedOf(wish, grant)
  const asked = await refreshGrant(idp, refreshToken, { resource: wish.audience, ...(scope === '' ? {} : { scope }) })
  if (asked.kind !== 'answer') return asked
  const { accessToken, expiresAt, refreshToken: next } = asked.answer
  return { kind: 'token', token: accessToken, expiresAt, ...(next === undefined ? {} : { refreshToken: next }) }
}

const minter: Minter = {
  spends: 'refresh',
  atLogin: (wishes) =>
    [...new Set(wishes.map(({ audience }) => audience).filter(isResource))].map((audience) => ['resource', audience]),
  refuses,
  mint,
}

/** RFC 8707: one `resource` on each refresh grant. */
export default defineService<undefined, 'minter'>({ kind: 'minter', name: 'resource', open: () => minter })
