// timeout: 120s
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { startBackend } from '../kit/backend.ts'
import { freePort, startBascule } from '../kit/bascule.ts'
import { CookieJar } from '../kit/cookie-jar.ts'
import { profile } from '../kit/default-profile.ts'
import { Refuse, startFamilyIdp } from '../kit/families/family-idp.ts'
import { browserFetch, loginByFetch, walk } from '../kit/login.ts'
import { startStrictIdp } from '../kit/strict-idp.ts'

const audience = (service: string) => `https://${service}.test`
/** One has a grant of its own, the other is part of the login's. */
const later = ['reports', 'crud'] as const

async function stand(t: Test) {
  const refused = new Set<string>()
  const idp = await startFamilyIdp({
    authorize(params) {
      if (params.getAll('resource').some((resource) => refused.has(resource))) throw new Refuse('invalid_target')
    },
    login: (params, grant) => ({ aud: params.get('resource') ?? grant.resources[0] ?? 'bff' }),
    refresh(params, grant) {
      const wanted = params.get('resource') ?? ''
      if (!grant.resources.includes(wanted)) throw new Refuse('invalid_target')
      return { aud: wanted, rotate: true }
    },
  })
  t.teardown(() => idp.close())
  const auth = `issuer: "${idp.issuer}", client_id: bff, client_secret: a-secret-of-the-families`
  return { idp, refused, ...(await startServices(t, idp.issuer, auth)) }
}

async function startServices(t: Test, issuer: string, auth: string) {
  const backends = {
    analytics: await startBackend({ issuer, audience: audience('analytics'), alone: true }),
    crud: await startBackend({ issuer, audience: audience('crud'), alone: true }),
    reports: await startBackend({ issuer, audience: audience('reports'), alone: true }),
  }
  t.teardown(() => Promise.all(Object.values(backends).map((backend) => backend.close())))
  const port = await freePort()
  const files = (services: readonly (keyof typeof backends)[]) => ({
    'settings.yaml': `
server: { port: ${port}, public_url: "http://localhost:${port}" }
auth: { ${auth} }
service_audiences: { ${services.map((name) => `${name}: "${audience(name)}"`).join(', ')} }
service_tokens: { reports: { mint: authorize } }
`,
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { analytics: {}, crud: {}, reports: {}, open: { base_url: "${backends.crud.url}" } }
routes:
${services.map((name) => `  - { id: ${name}, path: "/${name}/*", target_service: ${name}, upstream_path: "/{path}", auth: session }`).join('\n')}
`.replace(/(\w+): \{\}/g, (_, name: keyof typeof backends) => `${name}: { base_url: "${backends[name].url}" }`),
  })
  const origin = `http://localhost:${port}`
  const bascule = await startBascule(t, files(['analytics']), { port })
  return { origin, bascule, addServices: () => bascule.reload(files(['analytics', ...later])) }
}

interface Claims {
  readonly aud: string
  readonly jti: string
}

type User = Awaited<ReturnType<typeof loginByFetch>>

async function ask(user: Pick<User, 'fetch'>, service: string) {
  const response = await user.fetch(`/${service}/x`)
  const body = (await response.json()) as { reason?: string; login_url?: string; code?: string; claims?: Claims }
  return { status: response.status, ...body }
}

/** fetch writes a Sec-Fetch-Mode of its own. */
async function plainly(url: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const [answer] = (await once(get(url, { headers, agent: false }), 'response')) as [IncomingMessage]
  return text(answer)
}

const noForm = new URLSearchParams()

t.test('a service that config brought later', async (t) => {
  const { idp, refused, origin, addServices } = await stand(t)
  const login = () => loginByFetch(origin, { user: 'ada' })
  const users = { silent: await login(), shown: await login(), other: await login(), leaving: await login() }
  const denied = await login()
  t.equal((await ask(users.silent, 'analytics')).status, 200)
  await addServices()
  const since = () => {
    const from = idp.events.length
    return () => idp.events.slice(from).filter((event) => !event.startsWith('refresh:'))
  }

  for (const service of later)
    t.test(`${service}: is fetched silently, and the session stays the same one`, async (t) => {
      const user = users.silent
      const before = await ask(user, service)
      t.match(before, { status: 401, code: 'NO_TOKEN_AVAILABLE', reason: 'step_up' })
      t.match(before.login_url, `/auth/login?return_to=%2F&service=${service}`)
      const state = (await (await user.fetch('/auth/session')).json()) as { services: object }
      t.match(state.services, { [service]: { state: 'step_up', reason: 'step_up' } })
      const events = since()
      const { response } = await walk(user.fetch, before.login_url ?? '', noForm)
      t.equal(response?.status, 200)
      t.notOk(response?.headers.has('set-cookie'))
      t.same(events(), ['silent', 'code'], 'one authorization, without a page')
      const calls = await Promise.all(Array.from({ length: 100 }, () => ask(user, service)))
      t.same(new Set(calls.map(({ status }) => status)), new Set([200]))
      const minted = idp.events.filter((event) => event === `refresh:${audience(service)}`).length
      t.equal(minted, service === 'crud' ? 1 : 0, 'an own grant comes with its first token')
      t.equal((await ask(user, 'analytics')).status, 200, 'and the others go on')
      const again = since()
      const twice = await user.fetch(before.login_url ?? '')
      t.match([twice.status, twice.headers.get('location')], [303, `${origin}/`], 'what is there is not fetched again')
      t.same(again(), [])
    })

  for (const service of later)
    t.test(`${service}: with nobody signed in at the provider its pages are shown`, async (t) => {
      const { login_url = '' } = await ask(users.shown, service)
      idp.user = undefined
      const events = since()
      t.equal((await walk(users.shown.fetch, login_url, noForm)).response?.status, 200)
      t.same(events(), ['refused:login_required', 'authorize', 'code'])
      t.equal((await ask(users.shown, service)).status, 200)
    })

  for (const service of later)
    t.test(`${service}: somebody else at the provider gets nothing into this session`, async (t) => {
      const user = users.other
      const { login_url = '' } = await ask(user, service)
      idp.user = 'eve'
      const given = idp.revoked.length
      const { response } = await walk(user.fetch, login_url, noForm)
      idp.user = 'ada'
      t.equal(response?.status, 400)
      t.match(await response?.text(), /Somebody else is signed in/)
      t.notOk(response?.headers.has('set-cookie'))
      t.equal(idp.revoked.length, given + 1, 'what came is given back')
      t.match(await (await user.fetch('/auth/session')).json(), { user: { sub: 'ada' } })
      t.match(await ask(user, service), { status: 401, reason: 'step_up' })
      t.equal((await ask(user, 'analytics')).status, 200)
    })

  t.test('a link on another site does what a link here does, and no more', async (t) => {
    const user = users.other
    // As such a browser asks: a Strict cookie does not come along.
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    const page = await plainly(`${origin}/auth/login?service=reports&return_to=//evil.test`, headers)
    const onward = /url=([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&')
    t.equal(onward, '/auth/login?resume=1&return_to=%2F&service=reports')
    t.match((await user.fetch(onward ?? '')).headers.get('location'), /prompt=none/)
  })

  t.test('names that no route has are refused alike, and without a session every name is a login', async (t) => {
    const events = since()
    for (const query of [
      'service=open',
      'service=nope',
      'service=',
      'service=reports&service=crud',
      'service=__proto__',
    ]) {
      const answer = await users.other.fetch(`/auth/login?${query}`)
      t.match([answer.status, await answer.json()], [400, { code: 'LOGIN_FAILED', reason: 'unknown_service' }], query)
    }
    const stranger = browserFetch(origin, new CookieJar())
    for (const name of ['reports', 'nope']) {
      const answer = await stranger(`/auth/login?service=${name}`)
      t.equal(answer.status, 303)
      t.notMatch(answer.headers.get('location'), /prompt=none/)
    }
    t.same(events(), [])
  })

  t.test('a logout while it is under way stays a logout', async (t) => {
    const user = users.leaving
    const { login_url = '' } = await ask(user, 'reports')
    const back = await walk(user.fetch, login_url, noForm, `${origin}/auth/callback`)
    const cookie = user.cookie
    await user.fetch('/auth/logout', { method: 'POST', headers: { origin, 'sec-fetch-site': 'same-origin' } })
    const events = since()
    const answer = await user.fetch(back.url)
    t.match([answer.status, await answer.json()], [400, { code: 'LOGIN_FAILED', reason: 'session_over' }])
    t.notOk(answer.headers.has('set-cookie'))
    t.same(events(), [], 'the code is not even spent')
    const old = await fetch(`${origin}/auth/session`, { headers: { cookie } })
    t.same(await old.json(), { authenticated: false })
  })

  for (const service of later)
    t.test(`${service}: one that the provider refuses is asked for once, and takes nothing else down`, async (t) => {
      const { login_url = '' } = await ask(denied, service)
      refused.add(audience(service))
      t.equal((await walk(denied.fetch, login_url, noForm)).response?.status, 400)
      const after = await ask(denied, service)
      t.match(after, { status: 401, reason: 'denied_by_idp' })
      t.notOk(after.login_url, 'a page that follows it would go round')
      t.equal((await ask(denied, 'analytics')).status, 200)
      refused.clear()
    })

  t.test('a logout gives back the grants of all services, and what they replaced', async (t) => {
    const given = new Set(idp.revoked)
    await users.silent.fetch('/auth/logout', { method: 'POST', headers: { origin, 'sec-fetch-site': 'same-origin' } })
    for (let tries = 0; tries < 500 && idp.revoked.length < given.size + 3; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    t.equal(idp.revoked.filter((token) => !given.has(token)).length, 3, 'the login, its successor, and reports')
  })
})

t.test('a provider that rotates each refresh token and revokes the family of one that comes twice', async (t) => {
  const resources = Object.fromEntries(['analytics', ...later].map((name) => [audience(name), 'application.all']))
  const idp = await startStrictIdp({ resources, accessTokenTtl: 300 })
  t.teardown(() => idp.close())
  const auth = `preset: oidc-provider, issuer: "${idp.issuer}", client_id: ${idp.clientId}, client_secret: ${idp.clientSecret}`
  const { origin, bascule, addServices } = await startServices(t, idp.issuer, auth)
  const users = { exact: await loginByFetch(origin), renewing: await loginByFetch(origin) }
  t.equal((await ask(users.exact, 'analytics')).status, 200)
  await addServices()
  const fetched = async (user: User, service: string) => {
    const { login_url = '' } = await ask(user, service)
    const { response } = await walk(user.fetch, login_url, noForm)
    t.equal(response?.status, 200)
    t.notOk(response?.headers.has('set-cookie'), 'the session stays the same one')
  }

  t.test(
    'a silent grant without offline access is asked for once more with consent, and counts are exact',
    async (t) => {
      for (const service of later) {
        const from = idp.events.length
        await fetched(users.exact, service)
        const prompts = idp.posts.filter(({ path }) => path === '/request').slice(-2)
        t.match(
          prompts.map(({ form }) => [form.prompt, form.id_token_hint]),
          [
            ['none', /^eyJ/],
            ['consent', undefined],
          ],
        )
        const calls = await Promise.all(Array.from({ length: 20 }, () => ask(users.exact, service)))
        t.same(
          new Set(calls.map(({ status, claims }) => `${status} ${claims?.aud}`)),
          new Set([`200 ${audience(service)}`]),
        )
        const asked = ['authorize', 'code', 'authorize', 'code']
        t.same(idp.events.slice(from), [...asked, ...(service === 'crud' ? ['refresh'] : [])])
      }
      t.equal((await ask(users.exact, 'analytics')).status, 200)
      t.match(idp.counts, { reuse: 0, revoked: 0 })
    },
  )

  t.test('each grant is renewed by its own refresh token, again and again', async (t) => {
    idp.accessTokenTtl = 2
    for (const service of later) await fetched(users.renewing, service)
    const seen = new Set<string>()
    for (let round = 0; round < 3; round++)
      for (const service of later) {
        let { status, claims } = await ask(users.renewing, service)
        for (let tries = 0; tries < 300 && status === 200 && seen.has(claims?.jti ?? ''); tries++) {
          await new Promise((resolve) => setTimeout(resolve, 50))
          ;({ status, claims } = await ask(users.renewing, service))
        }
        t.match({ status, claims }, { status: 200, claims: { aud: audience(service) } })
        t.notOk(seen.has(claims?.jti ?? ''), 'another token')
        seen.add(claims?.jti ?? '')
      }
    t.match(idp.counts, { reuse: 0, revoked: 0 })
  })

  t.test('a logout revokes each of them', async (t) => {
    for (const user of Object.values(users))
      await user.fetch('/auth/logout', { method: 'POST', headers: { origin, 'sec-fetch-site': 'same-origin' } })
    for (let tries = 0; tries < 500 && idp.counts.revoked < 6; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    t.match(idp.counts, { reuse: 0, revoked: 6 }, "of each user the login's, its successor, and reports")
    t.same(
      bascule.lines.filter(({ level }) => level >= 50),
      [],
    )
  })
})
