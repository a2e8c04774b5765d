// node only: the program under test here is the provider; what the runtimes do differently the other logins show
import t, { type Test } from 'tap'
import { startBackend } from '../kit/backend.ts'
import { freePort, startBascule } from '../kit/bascule.ts'
import { profile } from '../kit/default-profile.ts'
import { type GlewlwydOptions, type GlewlwydUser, glewlwydMissing, startGlewlwyd } from '../kit/glewlwyd.ts'

const services = ['analytics', 'crud'] as const
type ServiceName = (typeof services)[number]
const audience = (service: ServiceName) => `https://${service}.example`

async function stand(t: Test, auth: string, options: Partial<GlewlwydOptions>) {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const glewlwyd = await startGlewlwyd(t, { origin, resources: services.map(audience), ...options })
  const { issuer, clientId, clientSecret } = glewlwyd
  const backends = await Promise.all(services.map((service) => startBackend({ issuer, audience: audience(service) })))
  t.teardown(() => Promise.all(backends.map((backend) => backend.close())))
  const bascule = await startBascule(
    t,
    {
      'settings.yaml': `
server: { port: ${port}, public_url: "${origin}" }
auth: { preset: glewlwyd, issuer: "${issuer}", client_id: ${clientId}, client_secret: ${clientSecret}, client_auth: ${auth} }
service_audiences: { ${services.map((service) => `${service}: "${audience(service)}"`).join(', ')} }
`,
      'profiles/audience-bridge.yaml': profile(),
      'routes.yaml': `
services: { ${services.map((service, n) => `${service}: { base_url: "${backends[n]?.url}" }`).join(', ')} }
routes:
${services.map((service) => `  - { id: ${service}, path: "/${service}/*", target_service: ${service}, upstream_path: "/{path}" }`).join('\n')}
`,
    },
    { port },
  )
  return { glewlwyd, bascule, origin }
}

interface Answer {
  readonly status: number
  readonly claims?: { readonly aud: string; readonly sub: string; readonly jti: string }
  readonly reason?: string
}

async function ask(user: GlewlwydUser, service: ServiceName): Promise<Answer> {
  const response = await user.fetch(`/${service}/x`)
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) }
}

/** Asks until the answer is the one that time must bring. */
async function until(what: (answer: Answer) => boolean, asked: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    const answer = await asked()
    if (what(answer) || tries === 300) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

t.test('Glewlwyd, refresh tokens that stay', { skip: glewlwydMissing() ?? false }, async (t) => {
  const { glewlwyd, bascule, origin } = await stand(t, 'client_secret_post', { accessTokenTtl: 2 })
  // One after the other: it answers server_error where a user's first two logins meet.
  const [ada, revoked, leaving] = [await glewlwyd.login(), await glewlwyd.login(), await glewlwyd.login()]
  const first = { analytics: await ask(ada, 'analytics'), crud: await ask(ada, 'crud') }

  t.test('a login by pushed request gives each service a token of its own audience', async (t) => {
    t.equal(ada.callback.status, 200)
    for (const service of services) t.match(first[service], { status: 200, claims: { aud: audience(service) } })
    t.equal(first.analytics.claims?.sub, first.crud.claims?.sub)
    const session = await ada.fetch('/auth/session')
    t.match(await session.json(), { authenticated: true, services_count: 2 })
  })

  t.test('a logout revokes the refresh token there, and its page knows whose session to end', async (t) => {
    const headers = { origin, 'sec-fetch-site': 'same-origin' }
    const answer = await leaving.fetch('/auth/logout', { method: 'POST', headers })
    const { logout_url } = (await answer.json()) as { logout_url: string }
    t.equal((await ask(leaving, 'crud')).status, 401)
    const page = await leaving.fetch(logout_url)
    t.match(page.headers.get('location'), /login\.html\?.*sid=\w+.*prompt=end_session/)
    for (let tries = 0; tries < 200 && !glewlwyd.log().includes('revoked'); tries++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    t.match(glewlwyd.log(), /Refresh token generated for client 'bff-server' revoked/)
  })

  t.test('tokens that ran out are renewed, each for its audience', async (t) => {
    for (const service of services) {
      const { claims, status } = await until(
        ({ status, claims }) => status !== 200 || claims?.jti !== first[service].claims?.jti,
        () => ask(ada, service),
      )
      t.match({ claims, status }, { status: 200, claims: { aud: audience(service) } })
      t.not(claims?.jti, first[service].claims?.jti, 'another token')
    }
  })

  t.test('the empty 400 to a refresh token that was taken back ends the session', async (t) => {
    await revoked.revokeAtProvider()
    const answer = await until(
      ({ status }) => status !== 200,
      () => ask(revoked, 'crud'),
    )
    t.equal(answer.status, 401)
    const line = await bascule.line(({ msg }) => msg === 'session_grant_lost')
    t.equal(line.error, 'the identity provider answered 400 without saying why')
  })
})

t.test('Glewlwyd, one-time refresh tokens', { skip: glewlwydMissing() ?? false }, async (t) => {
  const { glewlwyd, bascule } = await stand(t, 'client_secret_basic', { oneTime: true })
  const [ada, other] = [await glewlwyd.login(), await glewlwyd.login()]
  const first = [await ask(ada, 'analytics'), await ask(ada, 'crud')]
  const statuses = first.map(({ status }) => status)

  t.test(
    'a rotation is for one resource: the service that comes second is denied, and the first lives on',
    async (t) => {
      t.same([...statuses].sort(), [200, 401])
      t.match(
        first.find(({ status }) => status === 401),
        { reason: 'denied_by_idp' },
      )
      const line = await bascule.line(({ msg }) => msg.startsWith('service_token_denied'))
      t.match(line, { level: 40, error: 'invalid_target: Invalid Resource' })
      const again = [await ask(ada, 'analytics'), await ask(ada, 'crud')]
      t.same(
        again.map(({ status }) => status),
        statuses,
      )
    },
  )

  t.test('its single logout, told without exp and typ, ends the session it names and no other', async (t) => {
    const served = statuses[0] === 200 ? 'analytics' : 'crud'
    await ask(other, 'analytics')
    await ask(other, 'crud')
    await ada.endAtProvider()
    await bascule.line((line) => line.msg === 'backchannel_logout' && line.sessions === 1)
    t.equal((await ask(ada, served)).status, 401)
    t.match(await (await other.fetch('/auth/session')).json(), { authenticated: true })
  })
})

for (const par of [true, false])
  t.test(
    `Glewlwyd, one-time refresh tokens, a grant for each service, ${par ? 'pushed' : 'plain'} requests`,
    { skip: glewlwydMissing() ?? false },
    async (t) => {
      const auth = 'client_secret_basic, mint: { use: authorize, with: { by: resource } }'
      const { glewlwyd, bascule, origin } = await stand(t, auth, { oneTime: true, accessTokenTtl: 2, par })
      const ada = await glewlwyd.login()
      t.equal(ada.callback.status, 200)
      // It forgets `prompt` in a pushed request, and shows its page before each code.
      t.equal(ada.pages, par ? 1 + services.length : 1, 'the login, and else silent where it can be')
      const seen = new Set<string>()
      for (const round of par ? ['first', 'renewed', 'renewed again'] : ['first'])
        for (const service of services) {
          const { status, claims } = await until(
            ({ status, claims }) => status !== 200 || (claims !== undefined && !seen.has(claims.jti)),
            () => ask(ada, service),
          )
          t.match({ status, claims }, { status: 200, claims: { aud: audience(service) } }, `${service}, ${round}`)
          t.notOk(seen.has(claims?.jti ?? ''), 'another token')
          seen.add(claims?.jti ?? '')
        }
      const refused = bascule.lines.filter(({ msg, level }) => level >= 40 && msg.startsWith('service_'))
      t.same(refused, [], 'nothing was refused')

      const headers = { origin, 'sec-fetch-site': 'same-origin' }
      await ada.fetch('/auth/logout', { method: 'POST', headers })
      const revoked = () =>
        glewlwyd.log().match(/Refresh token generated for client 'bff-server' revoked/g)?.length ?? 0
      for (let tries = 0; tries < 200 && revoked() < 1 + services.length; tries++)
        await new Promise((resolve) => setTimeout(resolve, 50))
      t.equal(revoked(), 1 + services.length, "the login's grant, and each service's")
    },
  )
