// Opaque tokens: the issuer says what they are (RFC 7662).

import type { Idp } from '../idp/idp.ts'
import { clock } from '../util/clock.ts'
import { bearerOf, TokenUnfit } from './access-token.ts'
import type { Bearer } from './bearer.ts'

/** An IdP that does not say when the token ends is asked again when the cache forgets. */
const unsaidLife = 60

export async function introspect(idp: Pick<Idp, 'introspect'>, token: string, issuer: string): Promise<Bearer> {
  const said = await idp.introspect(token)
  if (said.active !== true) throw new TokenUnfit('the token is not active')
  const { iss, exp = Math.floor(clock.wall() / 1_000) + unsaidLife, nbf } = said
  if (iss !== undefined && iss !== issuer) throw new TokenUnfit('the token is of another issuer')
  if (typeof exp !== 'number' || exp * 1_000 <= clock.wall()) throw new TokenUnfit('the token has expired')
  if (typeof nbf === 'number' && nbf * 1_000 > clock.wall() + 30_000) throw new TokenUnfit('the token is not valid yet')
  // A refresh token is active, too.
  if (said.token_type !== undefined && !/^(bearer|access_token)$/i.test(String(said.token_type)))
    throw new TokenUnfit('the token is no bearer token')
  return bearerOf({ ...said, exp }, issuer)
}
