// What settings.yaml says by itself, and beside what the identity provider knows.
import { didYouMean } from '../../../core/index.ts'
import { isResourceIndicator } from '../settings/text-values.ts'
import type { Case } from './case.ts'
import { nearest } from './likeness.ts'

/** Minters that spend the session's refresh token: without one they give no second token. */
const spending = new Set(['resource', 'audience', 'scope'])

export function judgeSettings(c: Case): void {
  for (const service of c.services) {
    if (c.token(service) === undefined) noAudience(c, service)
    else judgeAudience(c, service)
  }
  judgeOfflineAccess(c)
  judgeShared(c)
}

function noAudience(c: Case, service: string): void {
  c.state(service, 'settings', 'missing')
  const written = c.host.section('service_audiences')
  const strays = Object.keys(written).filter((name) => !Object.hasOwn(c.host.services, name))
  const slip = strays.find((name) => didYouMean(service, [name]) !== '' && nearest(service, [name]) !== undefined)
  if (slip !== undefined) {
    const message = `service_audiences says ${slip}, but the service is called ${service} (${c.routeTo(service)}), so it has no audience.`
    c.fault('no_audience', 'settings', service, message, {
      place: c.setting(['service_audiences', slip], 'key'),
      change: { edit: 'replace', text: service },
    })
    return
  }
  const line = `${service}: ${unclaimed(c, service) ?? `THE AUDIENCE THAT ${service} EXPECTS`}`
  const message = `${service} has no audience, and a session route leads to it (${c.routeTo(service)}): every request there is answered 401 NO_TOKEN_AVAILABLE, reason no_mapping.`
  c.fault('no_audience', 'settings', service, message, {
    place: c.setting(['service_audiences'], 'key'),
    change: { edit: 'add', text: Object.keys(written).length === 0 ? `service_audiences:\n  ${line}` : line },
  })
}

/** An audience that the identity provider would give, no service has, and whose name speaks for this one. */
export function unclaimed(c: Case, service: string): string | undefined {
  const { idp } = c
  if (idp === undefined) return undefined
  const taken = new Set(Object.values(c.host.section('service_audiences')))
  const allowed = idp.policy.clients.get(c.host.section('auth').client_id)?.allowedAudiences ?? []
  const free = allowed.filter(
    (audience) => !taken.has(audience) && idp.policy.mappings.some(({ audiences }) => audiences.includes(audience)),
  )
  return free.find((audience) => speaksFor(audience, service))
}

/** `analytics_service` and `https://analytics.example.com`. */
function speaksFor(audience: string, service: string): boolean {
  const stem = service.toLowerCase().replace(/[-_](?:service|svc|api|backend)$/, '')
  return (
    stem.length >= 3 &&
    audience
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .includes(stem)
  )
}

function judgeAudience(c: Case, service: string): void {
  const { audience } = c.token(service)!.wish
  c.state(service, 'settings', 'ok')
  if (c.mintOf(service) !== 'resource' || isResourceIndicator(audience)) return
  c.state(service, 'settings', 'no uri')
  const message = `The audience "${audience}" of ${service} is no absolute URI, so mint: resource cannot ask for it (reason not_mintable). Give the service an audience that is a URI, or take another mint for it in service_tokens.`
  c.fault('audience_no_uri', 'settings', service, message, { place: c.setting(['service_audiences', service]) })
}

function judgeOfflineAccess(c: Case): void {
  const { oauth_scopes: asked } = c.host.section('auth')
  const needy = c.services.filter((service) => spending.has(c.mintOf(service)))
  if (needy.length === 0 || asked.includes('offline_access')) return
  for (const service of needy) c.state(service, 'settings', 'scope')
  const message = `The login asks for no refresh token, which mint: ${c.mintOf(needy[0]!)} works with: oauth_scopes lacks offline_access.`
  c.fault('no_refresh_token', 'settings', undefined, message, {
    place: c.setting(['auth', 'oauth_scopes']),
    change: { edit: 'replace', text: scopesText([...asked, 'offline_access']) },
  })
}

export function scopesText(scopes: readonly string[]): string {
  return `"${scopes.join(' ')}"`
}

/** One audience for two services may be meant; where the identity provider has one that fits the name better, it is not. */
function judgeShared(c: Case): void {
  const by = new Map<string, string[]>()
  for (const [service, { wish }] of c.tokens) by.set(wish.audience, [...(by.get(wish.audience) ?? []), service])
  for (const [audience, services] of by) if (services.length > 1) judgeShare(c, audience, services)
}

function judgeShare(c: Case, audience: string, services: readonly string[]): void {
  const odd = services.find((service) => !speaksFor(audience, service) && unclaimed(c, service) !== undefined)
  const service = odd ?? services.at(-1)!
  const place = c.setting(['service_audiences', service])
  const others = services.filter((one) => one !== service).join(', ')
  if (odd === undefined) {
    const message = `${service} has the same audience as ${others}, ${audience}: either can use the other's tokens. Give each its own, unless they are one system.`
    c.advise('audience_shared', 'settings', service, message, { place })
    return
  }
  const right = unclaimed(c, service)!
  c.state(service, 'settings', 'wrong')
  const message = `${service} has the audience of ${others}, ${audience}, while the identity provider has one of its own for it that no service uses.`
  c.fault('audience_shared', 'settings', service, message, {
    place,
    change: { edit: 'replace', text: right },
  })
}
