import { defineEndpoint, type Exchange, type Reply } from '../../core/index.ts'
import { fromOtherSite, trustedOrigins } from '../lib/http/csrf.ts'
import type { Params } from '../lib/idp/idp.ts'
import { classify } from '../lib/idp/idp-errors.ts'
import {
  type AuthParts,
  authParts,
  loginSections,
  noStore,
  notServedHere,
  redirect,
  storeAway,
} from '../lib/login/login-parts.ts'
import { isNavigation } from '../lib/login/login-url.ts'
import { deleteCookie } from '../lib/session/cookies.ts'
import type { SessionData } from '../lib/session/session.ts'
import { refreshTokens } from '../lib/token/service-grants.ts'
import { withTimeout } from '../lib/util/with-timeout.ts'

/** Who signs out does not wait for an identity provider that hangs. */
const patience = 3_000

interface Parts extends AuthParts {
  readonly origins: ReadonlySet<string>
  background(work: Promise<unknown>): void
}

/** Ends the session here at once; then the browser goes on to the identity provider, which ends its own. */
export default defineEndpoint({
  name: 'logout',
  sections: loginSections,
  paths: () => [{ id: 'auth-logout', path: '/auth/logout', methods: ['GET', 'POST'], auth: 'none' }],
  async setup(host) {
    const origins = (await authParts(host)).map(
      (parts): Parts => ({
        ...parts,
        origins: trustedOrigins(parts.publicUrl, host.section('cors').allow_origins),
        background: (work) => host.background(work),
      }),
    )
    return () => (x) => {
      const parts = origins.of(x)
      if (parts === undefined) return notServedHere(x)
      return logout(x, parts).catch((cause: unknown) => storeAway(x, cause))
    }
  },
})

async function logout(x: Exchange, parts: Parts): Promise<Reply> {
  if (x.method === 'POST' ? fromOtherSite(x, parts.origins) : !ownNavigation(x))
    return x.reply(403, 'CSRF_REJECTED', { detail: 'Sign out with a POST, or with a link on a page of this origin.' })
  const ended = await endSession(x, parts)
  const url = await endSessionUrl(parts, ended)
  const headers = [...deleteCookie(parts.reader.cookie), ...forgetPages]
  if (isFormOrLink(x)) return redirect(x, url, headers)
  const body = JSON.stringify({ logout_url: url })
  return x.reply(200, 'OK', { headers: [...headers, 'Content-Type', 'application/json', ...noStore], body })
}

/** Else the back button shows what the service's answers let the browser keep (https://w3c.github.io/webappsec-clear-site-data). */
const forgetPages = ['Clear-Site-Data', '"cache"']

/** A GET may end a session only when a page of ours was left for it: an image on another site may not, nor a browser that looks ahead. */
function ownNavigation(x: Exchange): boolean {
  if (x.method !== 'GET' || x.header('sec-purpose') !== undefined || x.header('purpose') !== undefined) return false
  return x.header('sec-fetch-site') === 'same-origin' && x.header('sec-fetch-mode') === 'navigate'
}

/** A form's POST is a navigation too. */
function isFormOrLink(x: Exchange): boolean {
  const mode = x.header('sec-fetch-mode')
  return mode === undefined
    ? isNavigation(x) || x.header('accept')?.includes('text/html') === true
    : mode === 'navigate'
}

async function endSession(x: Exchange, parts: Parts): Promise<SessionData | undefined> {
  const presented = await parts.reader.read(x)
  if (presented.kind !== 'session') return undefined
  const { sessions } = parts.bridge
  const data = sessions.secretsOf(presented.session)
  await sessions.end(presented.session, 'logout')
  for (const token of refreshTokens(data)) parts.background(revoke(parts, token))
  return data
}

/** The session is over either way; a token that outlives it is worth a line. */
async function revoke({ idp, log }: Parts, token: string): Promise<void> {
  await idp.revoke(token).catch((error: unknown) => {
    log.warn({ issuer: idp.issuer, error: classify(error).words }, 'refresh_token_not_revoked')
  })
}

async function endSessionUrl({ idp, publicUrl, log }: Parts, ended: SessionData | undefined): Promise<string> {
  const params: Params = [
    ['post_logout_redirect_uri', `${publicUrl}/`],
    ...(ended?.idToken === undefined ? [] : ([['id_token_hint', ended.idToken]] as const)),
  ]
  try {
    return (await withTimeout(patience, idp.endSessionUrl(params)))?.href ?? `${publicUrl}/`
  } catch (error) {
    log.warn({ issuer: idp.issuer, error: classify(error).words }, 'idp_unavailable')
    return `${publicUrl}/`
  }
}
