// Where a login may come back to, as far as the identity provider's files say: one origin that was forgotten there has no logins.
import type { Case } from './case.ts'
import type { IdpFiles } from './idp-files.ts'
import { redirectUri } from './judge-login.ts'
import { differsBy, nearest } from './likeness.ts'

export function judgeRedirects(c: Case, idp: IdpFiles): void {
  const { client_id: id } = c.host.section('auth')
  const registered = idp.policy.clients.get(id)?.redirectUris
  // Some providers take patterns, each with rules of its own.
  if (registered === undefined || registered.some((uri) => uri.includes('*'))) return
  const { public_url, public_urls } = c.host.server
  const wanted = [public_url, ...public_urls].map((origin) => redirectUri(c, origin))
  const spare = registered.filter((uri) => !wanted.includes(uri))
  for (const uri of wanted) if (!registered.includes(uri)) sayMissing(c, idp, spare, uri)
}

function sayMissing(c: Case, idp: IdpFiles, spare: readonly string[], uri: string): void {
  const { client_id: id } = c.host.section('auth')
  const near = nearest(uri, spare)
  const origin = uri.slice(0, -'/auth/callback'.length)
  const like = near === undefined ? '' : `; it has ${near}, which differs by ${differsBy(uri, near)}`
  const message = `Logins at ${origin} come back to ${uri}, which is no redirect URI of the client ${id}${like}. They are compared to the letter.`
  // Never instead of another: that may be where logins of another bridge come back to.
  c.fault('redirect_not_registered', 'idp_client', undefined, message, {
    place: idp.clients.place([id, 'redirect_uris'], 'key'),
    change: { edit: 'add', text: `- ${uri}` },
    tell: `Please register the redirect URI ${uri} for the client ${id}.`,
  })
}
