// An audience that is mapped is had only by who was granted the scope: asked for at login, allowed to the client, mapped here.
import type { Case } from './case.ts'
import { type IdpFiles, mappingsPath } from './idp-files.ts'
import { scopesText } from './judge-settings.ts'
import { nearest } from './likeness.ts'

const identity = new Set(['openid', 'profile', 'email', 'address', 'phone', 'offline_access'])

/** What a token request for this service may count on. */
function asked(c: Case, service: string): readonly string[] {
  if (c.mintOf(service) === 'client-credentials') return c.token(service)!.wish.scopes
  return c.host.section('auth').oauth_scopes
}

function allowedScopes(c: Case, { policy }: IdpFiles): readonly string[] | undefined {
  return policy.clients.get(c.host.section('auth').client_id)?.scopes
}

/** The scope that this service's audience ought to hang on. */
export function scopeFor(c: Case, { policy }: IdpFiles, service: string): string | undefined {
  const mapped = new Set(policy.mappings.map(({ scope }) => scope))
  const own = c.token(service)?.wish.scopes.filter((scope) => !identity.has(scope)) ?? []
  const login = asked(c, service).filter((scope) => !identity.has(scope))
  return (
    own.find((scope) => mapped.has(scope) && login.includes(scope)) ??
    login.find((scope) => mapped.has(scope)) ??
    own[0] ??
    login[0]
  )
}

/** Called where some scope maps to the audience. */
export function judgeScopes(c: Case, idp: IdpFiles, service: string): void {
  const { audience } = c.token(service)!.wish
  const has = idp.policy.mappings.filter(({ audiences }) => audiences.includes(audience)).map(({ scope }) => scope)
  const login = asked(c, service)
  const allowed = allowedScopes(c, idp)
  c.state(service, 'idp_scope', 'ok')
  const usable = has.filter((scope) => login.includes(scope))
  if (usable.length === 0) notAsked(c, idp, service, has)
  else if (allowed !== undefined && !usable.some((scope) => allowed.includes(scope)))
    notAllowed(c, idp, usable[0]!, service)
  else judgeWanted(c, service, login, allowed, idp)
}

function notAsked(c: Case, idp: IdpFiles, service: string, has: readonly string[]): void {
  const { audience } = c.token(service)!.wish
  const login = asked(c, service)
  const mapped = new Set(idp.policy.mappings.map(({ scope }) => scope))
  // A scope of the login that nothing is mapped to, and that is nearly the right one: one of the two is misspelt.
  const slip = login
    .map((scope) => [scope, nearest(scope, has)] as const)
    .find(([scope, near]) => near && !mapped.has(scope))
  const scopes = allowedScopes(c, idp)
  const elsewhere = scopeFor(c, idp, service)
  if (slip !== undefined && (scopes?.includes(slip[0]) || c.token(service)!.wish.scopes.includes(slip[0]))) {
    const i = idp.policy.mappings.findIndex(({ scope }) => scope === slip[1])
    c.state(service, 'idp_scope', 'misspelt')
    const message = `${audience} is mapped under the scope ${slip[1]}, but the login and the client say ${slip[0]}.`
    c.fault('scope_maps_elsewhere', 'idp_scope', service, message, {
      place: idp.settings.place([...mappingsPath, i, 'scope']),
      change: { edit: 'replace', text: slip[0] },
      tell: `Please rename the scope ${slip[1]} to ${slip[0]} (token.audience_mappings.scope_mappings in settings.yaml).`,
    })
  } else if (slip === undefined && !has.includes(elsewhere ?? '') && isMeant(c, service, elsewhere, mapped)) {
    const i = idp.policy.mappings.findIndex(({ scope }) => scope === elsewhere)
    c.state(service, 'idp_scope', 'elsewhere')
    const message = `${audience} is mapped under the scope ${has.join(', ')}, which the login does not ask for; ${service} goes by ${elsewhere}.`
    c.fault('scope_maps_elsewhere', 'idp_scope', service, message, {
      place: idp.settings.place([...mappingsPath, i, 'audiences'], 'key'),
      change: { edit: 'add', text: `- ${audience}` },
      tell: `Please map the scope ${elsewhere} to the audience ${audience} (token.audience_mappings.scope_mappings in settings.yaml).`,
    })
  } else askFor(c, service, slip?.[1] ?? has[0]!, slip?.[0])
}

/** service_scopes names it, and it is one that maps to something: the audience was put under the wrong scope. */
function isMeant(c: Case, service: string, scope: string | undefined, mapped: ReadonlySet<string>): boolean {
  return scope !== undefined && mapped.has(scope) && c.token(service)!.wish.scopes.includes(scope)
}

function askFor(c: Case, service: string, scope: string, instead: string | undefined): void {
  const { oauth_scopes: login } = c.host.section('auth')
  c.state(service, 'settings', 'scope')
  const scopes = instead === undefined ? [...login, scope] : login.map((one) => (one === instead ? scope : one))
  const where = instead === undefined ? 'lacks it' : `says ${instead} in its place`
  const message = `The audience of ${service} hangs on the scope ${scope}; oauth_scopes ${where}, so no login is granted it.`
  c.fault('scope_not_asked', 'settings', service, message, {
    place: c.setting(['auth', 'oauth_scopes']),
    change: { edit: 'replace', text: scopesText(scopes) },
  })
}

function notAllowed(c: Case, idp: IdpFiles, scope: string, service: string): void {
  const { client_id: id } = c.host.section('auth')
  const own = allowedScopes(c, idp) ?? []
  const slip = nearest(scope, own)
  c.state(service, 'idp_client', 'scope')
  const at = slip === undefined ? undefined : idp.clients.place([id, 'scopes', own.indexOf(slip)])
  const message = `The client ${id} may not have the scope ${scope}${slip === undefined ? '' : `; it may have ${slip}`}, so no login is granted it.`
  c.fault('scope_not_allowed', 'idp_client', service, message, {
    place: at ?? idp.clients.place([id, 'scopes']),
    change: { edit: 'replace', text: slip === undefined ? `[${[...own, scope].join(', ')}]` : scope },
    tell: `Please allow the client ${id} the scope ${scope} (scopes in clients.yaml).`,
  })
}

/** Of service_scopes: a token without one of them is not sent (not_granted). */
function judgeWanted(
  c: Case,
  service: string,
  login: readonly string[],
  allowed: readonly string[] | undefined,
  idp: IdpFiles,
): void {
  for (const scope of c.token(service)!.wish.scopes) {
    if (login.includes(scope)) {
      if (allowed !== undefined && !allowed.includes(scope)) notAllowed(c, idp, scope, service)
      continue
    }
    c.state(service, 'settings', 'scope')
    const near = nearest(scope, login)
    const message = `service_scopes wants ${scope} for ${service}, which the login does not ask for${near ? `; it asks for ${near}` : ''}: a token would lack it (reason not_granted).`
    if (near === undefined)
      c.fault('scope_not_asked', 'settings', service, message, {
        place: c.setting(['auth', 'oauth_scopes']),
        change: { edit: 'replace', text: scopesText([...login, scope]) },
      })
    else
      c.fault('scope_not_asked', 'settings', service, message, {
        place: c.setting(['service_scopes', service]),
        change: { edit: 'replace', text: wordsOf(c, service, scope, near) },
      })
  }
}

function wordsOf(c: Case, service: string, wrong: string, right: string): string {
  return c
    .token(service)!
    .wish.scopes.map((scope) => (scope === wrong ? right : scope))
    .join(' ')
}
