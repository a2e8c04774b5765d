// What one section cannot tell alone: names that must exist elsewhere, audiences that look alike.
import type { ConfigView } from '../../../core/index.ts'
import { OwnCookies } from '../http/own-cookies.ts'
import { certificateEnd } from '../idp/client-auth-settings.ts'
import type { AuthSettings, SessionSettings } from './settings.ts'
import { isResourceIndicator } from './text-values.ts'

function mintName(view: ConfigView, service?: string): string {
  const own = service === undefined ? undefined : view.sections.service_tokens?.[service]?.mint
  const ref = own ?? view.sections.auth?.mint ?? 'resource'
  return typeof ref === 'string' ? ref : ref.use
}

export function reviewAuth(value: AuthSettings, view: ConfigView): void {
  for (const [at, name] of value.pass_params.entries())
    if (Object.hasOwn(value.authorize_params, name))
      view.error(['pass_params', at], `${name} is fixed by authorize_params; whoever signs in could say otherwise`)
  if (value.client_cert !== undefined && certificateEnd(value.client_cert) < Date.now())
    view.error(['client_cert'], 'has expired; the identity provider will refuse it')
  if (mintName(view) === 'resource' && !value.oauth_scopes.includes('offline_access'))
    view.warn(
      ['oauth_scopes'],
      'lacks offline_access: the identity provider will give no refresh token, and mint: resource cannot ask for service tokens',
    )
}

export function reviewSession(value: SessionSettings, view: ConfigView): void {
  if (value.idle_timeout > value.absolute_timeout)
    view.error(['idle_timeout'], 'is longer than absolute_timeout, so it would never end a session')
  reviewDomain(value.cookie.domain, view)
  reviewForwarded(value.cookie.name, view)
}

function reviewDomain(domain: string | null, { server, error }: ConfigView): void {
  if (domain === null) return
  const path = ['cookie', 'domain']
  const host = new URL(server.public_url).hostname
  if (host !== domain && !host.endsWith(`.${domain}`))
    error(path, `does not cover ${host} (server.public_url): browsers would drop the cookie`)
  else if (server.public_urls.length > 0)
    error(
      path,
      'cannot be with server.public_urls: each origin has sessions of its own, and one cookie for all hosts would hold only the last; take it out',
    )
}

/** header-inject refuses the names it knows by itself; this one is a setting. */
function reviewForwarded(name: string, view: ConfigView): void {
  const own = new OwnCookies(name)
  const usual = new OwnCookies()
  for (const { id, at, forward_cookies = [] } of view.routes)
    for (const listed of forward_cookies)
      if (own.owns(listed) && !usual.owns(listed))
        view.error(
          ['cookie', 'name'],
          `is in forward_cookies of the route ${id} (${at}), and Bascule's own cookie never leaves; take it out there`,
        )
}

/** The seeds list services in these maps that their routes.yaml lacks: a warning, not an error. */
export function reviewNames(value: Readonly<Record<string, unknown>>, view: ConfigView): void {
  if (Object.keys(view.services).length === 0) return // one that is wrong has errors of its own, and hides which others there are
  for (const name of Object.keys(value))
    if (!Object.hasOwn(view.services, name))
      view.warn([name], `no service ${name} in routes.yaml; it must be spelled like target_service there`)
}

/** What a refresh may bring is bound by the login (RFC 6749 section 6): a token without the scope is not sent. */
const boundByLogin = new Set(['resource', 'audience', 'login'])

export function reviewScopes(value: Readonly<Record<string, readonly string[]>>, view: ConfigView): void {
  reviewNames(value, view)
  const asked = view.sections.auth?.oauth_scopes
  if (asked === undefined) return // the section has errors of its own; what it would ask for nobody knows
  for (const [name, scopes] of Object.entries(value)) {
    const missing = scopes.filter((scope) => !asked.includes(scope))
    const none = scopes.length > 0 && missing.length === scopes.length
    if (Object.hasOwn(view.services, name) && none && boundByLogin.has(mintName(view, name)))
      view.warn(
        [name],
        `${missing.join(' ')} is not in auth.oauth_scopes: no login is granted it, so no token for ${name} will be good (not_granted)`,
      )
  }
}

export function reviewAudiences(value: Readonly<Record<string, string>>, view: ConfigView): void {
  reviewNames(value, view)
  const seen = new Map<string, { readonly name: string; readonly audience: string }>()
  for (const [name, audience] of Object.entries(value)) {
    if (mintName(view, name) === 'resource' && !isResourceIndicator(audience))
      view.warn(
        [name],
        `"${audience}" is no absolute URI: it is never sent as a resource, so mint: resource gets no token for ${name}`,
      )
    const bare = audience.toLowerCase().replace(/\/+$/, '')
    const twin = seen.get(bare)
    if (twin !== undefined && twin.audience !== audience)
      view.warn(
        [name],
        `differs from the audience of ${twin.name} only by case or a slash; audiences are compared exactly`,
      )
    seen.set(bare, { name, audience })
  }
}
