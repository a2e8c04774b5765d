// The seeds' own YAML, pasted unchanged, gives the seeds' behaviour; and whichever of the places is wrong, login and the other
// services work on, and the answer says what it is.
import { setTimeout as passed } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startIdp } from '../../examples/dev/idp/start.ts'
import { startBackend } from '../kit/backend.ts'
import { freePort, type RunningBascule, startBascule, tempDir } from '../kit/bascule.ts'
import { profile } from '../kit/default-profile.ts'
import { type LoggedIn, loginByFetch } from '../kit/login.ts'
import { seedAuth, seedIdpClients, seedIdpSettings, seedMaps, seedRoutes } from '../kit/seeds.ts'
import { analyticsAudience, crudAudience } from '../kit/strict-idp.ts'

interface Variant {
  readonly idpSettings?: (text: string) => string
  readonly idpClients?: (text: string) => string
  readonly maps?: (text: string) => string
}

const same = (text: string) => text

/** Everything on loopback: the dev identity provider with the seeds' files, two services that verify, the bridge. */
async function start(t: Test, variant: Variant = {}) {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const idpDir = tempDir(t, {
    'settings.yaml': (variant.idpSettings ?? same)(seedIdpSettings),
    // The seeds allow the client the analytics audience only; a second service needs its own line.
    'clients.yaml': (variant.idpClients ?? same)(`${seedIdpClients}    - ${crudAudience}\n`),
  })
  let reread = () => {}
  const idp = await startIdp({
    dir: idpDir,
    port: 0,
    origins: [origin],
    clientSecret: 'seed-secret',
    accessTokenTtl: 300,
    env: {},
    reread: () => reread(),
  })
  t.teardown(() => idp.close())
  const analytics = await startBackend({ issuer: idp.issuer, audience: analyticsAudience })
  const crud = await startBackend({ issuer: idp.issuer, audience: crudAudience })
  t.teardown(() => Promise.all([analytics.close(), crud.close()]))
  const bascule = await startBascule(
    t,
    {
      'settings.yaml': `
server: { port: ${port} }
${seedAuth}  issuer: "${idp.issuer}"
  client_id: bff-server
  client_secret: seed-secret
${(variant.maps ?? same)(seedMaps)}`,
      'routes.yaml':
        `${seedRoutes.replace('http://analytics:8100', analytics.url)}  - { id: api-crud, path: "/api/crud/*", target_service: crud_service, upstream_path: "/{path}", auth: session }
`.replace('services:\n', `services:\n  crud_service: { base_url: "${crud.url}" }\n`),
      'profiles/audience-bridge.yaml': profile(),
    },
    { port },
  )
  const idpRereads = () =>
    new Promise<void>((resolve) => {
      reread = resolve
    })
  return { bascule, origin, analytics, crud, idpDir, idpRereads }
}

const workflows = '/api/v1/analytics/workflows?limit=2'

async function worksFor(t: Test, user: LoggedIn, path: string) {
  const answer = await user.fetch(path)
  t.equal(answer.status, 200, path)
  return (await answer.json()) as { url: string; claims: { aud: string; sub: string } }
}

async function session(user: LoggedIn) {
  return (await (await user.fetch('/auth/session')).json()) as {
    authenticated: boolean
    services_count: number
    services: Record<string, { state: string; reason?: string; audience: string }>
  }
}

async function refused(t: Test, bascule: RunningBascule, user: LoggedIn, reason: string, code = 'NO_TOKEN_AVAILABLE') {
  const answer = await user.fetch(workflows)
  t.equal(answer.status, 401)
  t.match(answer.headers.get('content-type'), 'application/problem+json')
  t.match(await answer.json(), { code, service: 'analytics_service', reason, status: 401, route: 'api-analytics' })
  t.match(await bascule.line((l) => l.msg.includes('NO_TOKEN_AVAILABLE service=analytics_service')), {
    status: 401,
    reason,
  })
  await bascule.line((l) => l.msg.includes('token_found=False service=analytics_service') && l.status === 401)
}

t.test('all places right', async (t) => {
  const { bascule, origin, analytics } = await start(t)
  const ada = await loginByFetch(origin)
  const mapped = await bascule.line((l) => l.msg.includes('bff_service_tokens_mapped'))
  t.match(mapped, { sub: 'ada' })
  t.same([...(mapped.services as string[])].sort(), ['analytics_service', 'crud_service'])
  const seen = await worksFor(t, ada, workflows)
  t.equal(seen.url, workflows, 'path and query as they were')
  t.match(seen.claims, { aud: analyticsAudience, sub: 'ada' })
  const got = analytics.requests.at(-1)
  t.equal(got?.headers.cookie, undefined, 'no cookie reaches the service')
  t.match(got?.headers['x-original-user'], /^auth:account:[^:]+:ada$/)
  t.match(await bascule.line((l) => l.msg.includes('token_found=True service=analytics_service')), {
    route: 'api-analytics',
    status: 200,
    outcome: 'completed',
    duration_ms: Number,
    correlation_id: String,
  })
  t.equal((await worksFor(t, ada, '/api/crud/forms/1')).claims.aud, crudAudience)
  const status = await session(ada)
  t.match(status, {
    authenticated: true,
    services_count: 2,
    services: { analytics_service: { state: 'ready', audience: analyticsAudience } },
  })
  t.match(await bascule.line((l) => l.msg.includes('Session status check successful')), { services_count: 2 })
  const everything = JSON.stringify(bascule.lines)
  t.notMatch(everything, /eyJ|seed-secret/, 'no token and no secret in any log line')
  t.notOk(everything.includes(ada.cookie.split('=')[1] ?? '?'), 'no session id in any log line')
})

const wrong: Readonly<Record<string, Variant & { readonly reason: string }>> = {
  'no entry in service_audiences': {
    maps: (m) => m.replace(/ {2}analytics_service: {2}https.*\n/, ''),
    reason: 'no_mapping',
  },
  'the scope mapping lacks the audience': {
    idpSettings: (s) => s.replace(/.*analytics.*\n/, ''),
    reason: 'denied_by_idp',
  },
  'the client may not have the audience': {
    idpClients: (c) => c.replace(/.*analytics.*\n/, ''),
    reason: 'denied_by_idp',
  },
  'a misspelt audience': {
    maps: (m) => m.replace('https://analytics.ocg', 'https://analitycs.ocg'),
    reason: 'denied_by_idp',
  },
  'a trailing slash': {
    maps: (m) => m.replace('https://analytics.ocg.labs.empowernow.ai', '$&/'),
    reason: 'denied_by_idp',
  },
}

for (const [name, { reason, ...variant }] of Object.entries(wrong)) {
  t.test(`${name}: that service says ${reason}, all else works`, async (t) => {
    const { bascule, origin } = await start(t, variant)
    const ada = await loginByFetch(origin)
    t.equal((await worksFor(t, ada, '/api/crud/forms/1')).claims.aud, crudAudience)
    await refused(t, bascule, ada, reason)
    const status = await session(ada)
    t.match(status, {
      authenticated: true,
      services_count: 1,
      services: { crud_service: { state: 'ready' }, analytics_service: { state: 'misconfigured', reason } },
    })
  })
}

t.test('a target_service that services lacks is a config error', async (t) => {
  const files = {
    'settings.yaml': 'auth: { issuer: "http://localhost:9", client_id: a, client_secret: b }\n',
    'routes.yaml': seedRoutes.replace('target_service: "analytics_service"', 'target_service: "analytics_servce"'),
    'profiles/audience-bridge.yaml': profile(),
  }
  await t.rejects(startBascule(t, files), /routes\.yaml:8:\d+ error .*analytics_servce.*analytics_service/)
})

t.test('the runbook: take the audience out of clients.yaml, see it, put it back', async (t) => {
  const { bascule, origin, idpDir, idpRereads } = await start(t)
  const { writeFileSync, readFileSync } = await import('node:fs')
  const file = `${idpDir}/clients.yaml`
  const good = readFileSync(file, 'utf8')
  let changed = idpRereads()
  writeFileSync(file, good.replace(/.*analytics.*\n/, ''))
  await changed
  await refused(t, bascule, await loginByFetch(origin), 'denied_by_idp')
  changed = idpRereads()
  writeFileSync(file, good)
  await changed
  // What the IdP refused a moment ago is believed for a second.
  for (let tries = 0; tries < 20 && (await (await loginByFetch(origin)).fetch(workflows)).status !== 200; tries++)
    await passed(100)
  await worksFor(t, await loginByFetch(origin), workflows)
})
