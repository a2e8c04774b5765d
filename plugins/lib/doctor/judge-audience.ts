// One service's audience in three places: two that agree to the letter outvote the third.
import type { Case, PlaceKey } from './case.ts'
import { type IdpFiles, mappingsPath } from './idp-files.ts'
import { judgeScopes, scopeFor } from './judge-scopes.ts'
import { unclaimed } from './judge-settings.ts'
import { differsBy, likeness, nearest } from './likeness.ts'

export function judgeAudienceAtIdp(c: Case, idp: IdpFiles, service: string): void {
  const { audience } = c.token(service)!.wish
  const mapped = mappedAudiences(idp)
  const allowed = allowedAudiences(c, idp)
  const isMapped = mapped.includes(audience)
  const isAllowed = allowed.includes(audience)
  if (!isMapped && !isAllowed && settingsOutvoted(c, service, mapped, allowed)) return
  if (isMapped) judgeScopes(c, idp, service)
  else notMapped(c, idp, service)
  if (isAllowed) c.state(service, 'idp_client', 'ok')
  else notAllowed(c, idp, service)
}

function mappedAudiences({ policy }: IdpFiles): readonly string[] {
  return policy.mappings.flatMap(({ audiences }) => audiences)
}

function allowedAudiences(c: Case, { policy }: IdpFiles): readonly string[] {
  return policy.clients.get(c.host.section('auth').client_id)?.allowedAudiences ?? []
}

function settingsOutvoted(c: Case, service: string, mapped: readonly string[], allowed: readonly string[]): boolean {
  const { audience } = c.token(service)!.wish
  const both = c.notOthers(service, mapped).filter((other) => allowed.includes(other))
  const right = nearest(audience, both) ?? unclaimed(c, service)
  if (right === undefined) return false
  c.state(service, 'settings', likeness(audience, right) ?? 'wrong')
  c.state(service, 'idp_scope', 'ok')
  c.state(service, 'idp_client', 'ok')
  const differs = likeness(audience, right) === undefined ? '' : `; it differs by ${differsBy(audience, right)}`
  const message = `The identity provider does not know the audience of ${service}, ${audience}. It has ${right}, mapped and allowed${differs}.`
  c.fault('audience_unlike', 'settings', service, message, {
    place: c.setting(['service_audiences', service]),
    change: { edit: 'replace', text: right },
  })
  return true
}

function notMapped(c: Case, idp: IdpFiles, service: string): void {
  const { audience } = c.token(service)!.wish
  const near = nearest(audience, c.notOthers(service, mappedAudiences(idp)))
  if (near !== undefined) {
    const i = idp.policy.mappings.findIndex(({ audiences }) => audiences.includes(near))
    const { scope, audiences } = idp.policy.mappings[i]!
    const place = idp.settings.place([...mappingsPath, i, 'audiences', audiences.indexOf(near)])
    unlike(c, service, 'idp_scope', `The scope ${scope} maps to ${near}`, near, place)
    return
  }
  c.state(service, 'idp_scope', 'missing')
  const scope = scopeFor(c, idp, service)
  const i = idp.policy.mappings.findIndex((mapping) => mapping.scope === scope)
  const message = `No scope maps to ${audience}, so the identity provider gives ${service} no token.`
  const tell = `Please map the scope ${scope ?? 'that our login asks for'} to the audience ${audience} (token.audience_mappings.scope_mappings in settings.yaml).`
  c.fault('audience_not_mapped', 'idp_scope', service, message, {
    place:
      i < 0 ? idp.settings.place(mappingsPath, 'key') : idp.settings.place([...mappingsPath, i, 'audiences'], 'key'),
    change: { edit: 'add', text: i < 0 ? newMapping(scope, audience) : `- ${audience}` },
    tell,
  })
}

function newMapping(scope: string | undefined, audience: string): string {
  return [`- scope: ${scope ?? 'A SCOPE OF oauth_scopes'}`, '  audiences:', `    - ${audience}`].join('\n')
}

function notAllowed(c: Case, idp: IdpFiles, service: string): void {
  const { audience } = c.token(service)!.wish
  const { client_id: id } = c.host.section('auth')
  const own = allowedAudiences(c, idp)
  const near = nearest(audience, c.notOthers(service, own))
  if (near !== undefined) {
    const place = idp.clients.place([id, 'allowed_audiences', own.indexOf(near)])
    unlike(c, service, 'idp_client', `The client ${id} is allowed ${near}`, near, place)
    return
  }
  const other = [...idp.policy.clients].find(([, client]) => client.allowedAudiences.includes(audience))?.[0]
  c.state(service, 'idp_client', other === undefined ? 'missing' : 'other')
  const line = other === undefined ? '' : `; ${other} is (line ${idp.clients.place([other], 'key').line})`
  const message = `The client ${id} is not allowed ${audience}${line}, so the identity provider gives ${service} no token.`
  c.fault('audience_not_allowed', 'idp_client', service, message, {
    place: idp.clients.place([id, 'allowed_audiences'], 'key'),
    change: { edit: 'add', text: own.length === 0 ? `allowed_audiences: [${audience}]` : `- ${audience}` },
    tell: `Please allow the client ${id} the audience ${audience} (allowed_audiences in clients.yaml).`,
  })
}

function unlike(
  c: Case,
  service: string,
  where: PlaceKey & ('idp_scope' | 'idp_client'),
  what: string,
  near: string,
  place: ReturnType<Case['setting']>,
): void {
  const { audience } = c.token(service)!.wish
  c.state(service, where, likeness(audience, near) ?? 'wrong')
  const message = `${what}, which differs from the audience of ${service} by ${differsBy(audience, near)}: it must be ${audience} to the letter.`
  c.fault('audience_unlike', where, service, message, {
    place,
    change: { edit: 'replace', text: audience },
    tell: `Please write ${audience} instead of ${near} (${where === 'idp_scope' ? 'the scope mapping in settings.yaml' : 'allowed_audiences in clients.yaml'}).`,
  })
}
