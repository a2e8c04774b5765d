// timeout: 180s
import t from 'tap'
import { startBackend } from '../kit/backend.ts'
import { freePort, startBascule } from '../kit/bascule.ts'
import { profile } from '../kit/default-profile.ts'
import { type FamilyCase, families, type ServiceName } from '../kit/families/families.ts'
import { startFamilyIdp } from '../kit/families/family-idp.ts'
import { loginByFetch, walk } from '../kit/login.ts'

type Urls = Readonly<Record<ServiceName, string>>

function files(one: FamilyCase, issuer: string, port: number, urls: Urls, services: readonly ServiceName[]) {
  const map = (entry: (service: ServiceName) => string | undefined) =>
    `{ ${services
      .flatMap((name) => entry(name) ?? [])
      .map((text) => text)
      .join(', ')} }`
  return {
    'settings.yaml': `
server: { port: ${port}, public_url: "http://localhost:${port}" }
auth:
  issuer: "${issuer}"
  client_id: bff
  client_secret: a-secret-of-the-families
${one.auth}
service_audiences: ${map((name) => `${name}: "${one.audience(name)}"`)}
service_scopes: ${map((name) => one.scope && `${name}: "${one.scope(name)}"`)}
service_tokens: ${map((name) => one.tokens && `${name}: ${one.tokens(name)}`)}
`,
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: ${map((name) => `${name}: { base_url: "${urls[name]}" }`)}
routes:
${services.map((name) => `  - { id: ${name}, path: "/${name}/*", target_service: ${name}, upstream_path: "/{path}", auth: session }`).join('\n')}
`,
  }
}

for (const [name, one] of Object.entries(families))
  t.test(name, async (t) => {
    const idp = await startFamilyIdp(one.family())
    const issuer = idp.issuer
    // A token of such a provider is for all services, and each must take it so.
    const alone = one.event !== undefined || one.own === true
    const backend = (service: ServiceName) => startBackend({ issuer, audience: one.aud(service), alone })
    const backends = {
      analytics: await backend('analytics'),
      crud: await backend('crud'),
      reports: await backend('reports'),
    }
    t.teardown(() => Promise.all([idp.close(), ...Object.values(backends).map((backend) => backend.close())]))
    const urls: Urls = { analytics: backends.analytics.url, crud: backends.crud.url, reports: backends.reports.url }
    const port = await freePort()
    const write = (services: readonly ServiceName[]) => files(one, issuer, port, urls, services)
    const bascule = await startBascule(t, write(['analytics', 'crud']), { port })
    const user = await loginByFetch(`http://localhost:${port}`, { user: 'ada' })

    const calls = Array.from({ length: 100 }, (_, n) => user.fetch(`/${n % 2 === 0 ? 'analytics' : 'crud'}/x`))
    const statuses = new Set((await Promise.all(calls)).map(({ status }) => status))
    t.same([...statuses], [200], '100 first calls at once')
    for (const service of ['analytics', 'crud'] as const) {
      t.equal(backends[service].requests.length, 50)
      const auds = new Set(backends[service].requests.map(({ claims }) => String([claims?.aud ?? []].flat())))
      t.equal(auds.size, 1, 'one token, and the right one')
    }
    const minted = (service: ServiceName) =>
      idp.events.filter((event) => event === `${one.event}:${one.aud(service)}`).length
    const once = one.event === undefined ? 0 : 1
    t.same([minted('analytics'), minted('crud')], [once, once], 'one mint each')

    await bascule.reload(write(['analytics', 'crud', 'reports']))
    const third = await user.fetch('/reports/x')
    const body = (await third.json()) as { reason?: string; login_url?: string }
    if (third.status !== 200) {
      // The grant does not cover what the login did not ask for: said, not tried.
      t.match({ status: third.status, reason: body.reason }, { status: 401, reason: 'step_up' })
      t.equal(minted('reports'), 0, 'a provider that goes by the login is not asked')
      const back = await walk(user.fetch, body.login_url ?? '', new URLSearchParams())
      t.equal(back.response?.status, 200)
      t.notOk(back.response?.headers.has('set-cookie'), 'the session is the one that was')
      t.equal((await user.fetch('/reports/x')).status, 200)
    }
    if (one.own) {
      const seen = (event: string) => idp.events.filter((happened) => happened === event).length
      t.same([seen('authorize'), seen('silent'), seen('code')], [1, 3, 4], 'one authorization for each, silently')
    }
    t.equal(minted('reports'), once)
    t.notOk(
      idp.events.some((event) => event === 'reuse'),
      'no refresh token was used twice',
    )
    t.equal((await user.fetch('/analytics/x')).status, 200)
  })
