import type { Idp, Params } from '../idp/idp.ts'
import { classify } from '../idp/idp-errors.ts'
import type { Grant } from '../token/minter.ts'
import { randomId, sha256 } from '../util/random-id.ts'
import type { Case } from './case.ts'
import { redirectUri } from './judge-login.ts'
import { signIn, type TestUser } from './test-user.ts'

/** A login of the test user, as the bridge would do it; or why there is none. */
export async function grantOf(
  c: Case,
  idp: Idp,
  base: Params,
  resources: readonly string[],
  user: TestUser,
): Promise<Grant | { readonly words: string }> {
  const [state, nonce, codeVerifier] = [randomId(), randomId(), randomId()]
  const params: Params = [
    ...base,
    ['state', state],
    ['nonce', nonce],
    ['code_challenge', sha256(codeVerifier)],
    ['login_hint', user.name],
    ...resources.map((resource): [string, string] => ['resource', resource]),
  ]
  try {
    const callback = await signIn(await idp.authorizationUrl(params), redirectUri(c), user)
    const first = resources.slice(0, 1).map((resource): [string, string] => ['resource', resource])
    const answer = await idp.codeGrant(callback, { state, nonce, codeVerifier }, first)
    return {
      ...(answer.refreshToken === undefined ? {} : { refreshToken: answer.refreshToken }),
      access: { token: answer.accessToken, expiresAt: answer.expiresAt },
      grantedScopes: answer.scope ?? c.host.section('auth').oauth_scopes.join(' '),
      grantedResources: resources,
    }
  } catch (error) {
    return { words: classify(error).words }
  }
}
