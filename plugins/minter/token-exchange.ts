import { z } from 'zod'
import { defineService } from '../../core/index.ts'
import type { Grant, GrantAnswer, Minted, Minter, MintWish, TokenEndpoint } from '../lib/token/minter.ts'
import { tokenFailure } from '../lib/token/token-request.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
/** RFC 8693 section 3: an access token that is a JWT may be called so as well. */
const fitting = new Set([accessTokenType, 'urn:ietf:params:oauth:token-type:jwt'])

const options = z
  .strictObject({
    /** What names the service: `audience` (Keycloak: the target client's id; Okta, ZITADEL) or `resource` (its URI). */
    by: z.enum(['audience', 'resource'], { error: 'must be audience or resource' }).default('audience'),
    /** `null`: the parameter is left out. */
    requested_token_type: z.string().nullable().default(accessTokenType),
  })
  .prefault({})
type Options = z.infer<typeof options>

async function mint(
  wish: MintWish,
  grant: Grant,
  idp: TokenEndpoint,
  { by, requested_token_type }: Options,
): Promise<Minted> {
  const subject = grant.access?.token
  if (subject === undefined) return { kind: 'refused', reason: 'no_refresh_token', stepUp: true }
  const params = {
    subject_token: subject,
    subject_token_type: accessTokenType,
    [by]: wish.audience,
    ...(requested_token_type === null ? {} : { requested_token_type }),
    ...(wish.scopes.length === 0 ? {} : { scope: wish.scopes.join(' ') }),
    ...wish.params,
  }
  try {
    return judge(await idp.grant(grantType, params, wish.tokenEndpoint))
  } catch (error) {
    const failed = tokenFailure(error, subject)
    // It is the subject token that is dead, and a refresh token may bring the next one.
    return failed.kind === 'grant_lost' ? { ...failed, kind: 'access_lost' } : failed
  }
}

/** A token of another type would be sent on as what it is not (RFC 8693 section 2.2.1). */
function judge({ accessToken, expiresAt, issuedTokenType, scope }: GrantAnswer): Minted {
  if (issuedTokenType !== undefined && !fitting.has(issuedTokenType))
    return {
      kind: 'refused',
      reason: 'wrong_token_type',
      words: `issued_token_type is ${issuedTokenType.slice(0, 100)}`,
    }
  return { kind: 'token', token: accessToken, expiresAt, ...(scope === undefined ? {} : { scope }) }
}

/** RFC 8693: the session's access token against one for the service. The login's token stays as it is. */
export default defineService<Options, 'minter'>({
  kind: 'minter',
  name: 'token-exchange',
  options,
  open: ({ options }): Minter => ({
    spends: 'nothing',
    uses: 'access',
    atLogin: () => [],
    refuses: (_wish, grant) =>
      grant.access === undefined && grant.refreshToken === undefined
        ? { kind: 'refused', reason: 'no_refresh_token', stepUp: true }
        : undefined,
    mint: (wish, grant, idp) => mint(wish, grant, idp, options),
  }),
})
