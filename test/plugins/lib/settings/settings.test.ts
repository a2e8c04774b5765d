import t from 'tap'
import type { ConfigView, Sections, Service } from '../../../../core/index.ts'
import { type AuthSettings, sections } from '../../../../plugins/lib/settings/settings.ts'

interface Judged {
  readonly value?: unknown
  readonly issues?: readonly { readonly message: string; readonly path?: readonly unknown[] }[]
}
const judge = (name: keyof typeof sections, value: unknown) =>
  sections[name].schema['~standard'].validate(value) as Judged
const said = (name: keyof typeof sections, value: unknown) =>
  judge(name, value).issues?.map(({ message, path = [] }) => `${path.join('.')}: ${message}`) ?? []

const auth = { issuer: 'https://idp.test', client_id: 'bff', client_secret: 's' }

t.test('auth: what is needed, and what is assumed', async (t) => {
  t.match(said('auth', undefined)[0], /section auth with issuer, client_id and client_secret/)
  t.match(judge('auth', auth).value, {
    client_auth: 'client_secret_post',
    mint: 'resource',
    oauth_scopes: ['openid', 'profile', 'email', 'offline_access'],
  })
  t.match(judge('auth', { ...auth, oauth_scopes: 'openid|a, b\n a' }).value, { oauth_scopes: ['openid', 'a', 'b'] })
})

t.test('auth: http is for loopback only', async (t) => {
  for (const issuer of ['http://localhost:8090', 'http://127.0.0.1:1', 'http://[::1]:1', 'https://idp.test/realms/x'])
    t.strictSame(said('auth', { ...auth, issuer }), [], issuer)
  for (const issuer of [
    'http://idp.test',
    'http://localhost.evil.test',
    'idp.test',
    'https://idp.test/?x',
    'https://u@idp.test',
  ])
    t.match(said('auth', { ...auth, issuer })[0], /^issuer: must be the https URL/, issuer)
})

t.test('auth: a preset fills in what is not written, and nothing else', async (t) => {
  const filled = (more: object) => judge('auth', { ...auth, ...more }).value as AuthSettings
  t.match(filled({}), { mint: 'resource', oauth_scopes: ['openid', 'profile', 'email', 'offline_access'] })
  t.match(filled({ preset: 'logto' }), { mint: 'resource', authorize_params: { prompt: 'consent' } })
  t.match(filled({ preset: 'keycloak' }), { mint: { use: 'token-exchange', with: { by: 'audience' } } })
  t.match(filled({ preset: 'keycloak', mint: 'login' }), { mint: 'login' })
  t.strictSame(filled({ preset: 'logto', authorize_params: { prompt: 'login' } }).authorize_params, { prompt: 'login' })
  t.match(filled({ preset: 'cognito' }), { mint: { use: 'authorize' }, oauth_scopes: ['openid', 'profile', 'email'] })
  t.match(filled({ mint: { use: 'authorize', with: { by: 'scope' } } }), { mint: { use: 'authorize' } })
  t.strictSame(filled({ preset: 'empowernow', oauth_scopes: 'openid' }).oauth_scopes, ['openid'])
  t.match(said('auth', { ...auth, preset: 'keyclock' })[0], /preset: must be one of .*did you mean "keycloak"/)
})

t.test('service_tokens: what is written wrong is said, with the key', async (t) => {
  const one = (entry: object) => said('service_tokens', { a: entry })
  t.strictSame(one({}), [])
  t.strictSame(
    one({
      mint: { use: 'token-exchange', with: { by: 'resource' } },
      params: { tenant: 't1' },
      expected_audience: '11111111-2222-3333-4444-555555555555',
      match: 'exact',
      token_endpoint: 'https://idp.test/exchange',
      opaque: 'introspect',
    }),
    [],
  )
  t.match(one({ match: 'some' })[0], /match: must be exact or includes/)
  t.match(one({ opaque: true })[0], /opaque: must be refuse, introspect/)
  t.match(one({ params: { client_secret: 'x' } })[0], /client_secret is set by Bascule/)
  for (const url of ['http://idp.test/t', 'idp.test', 'https://u@idp.test/', 'https://idp.test/#x'])
    t.match(one({ token_endpoint: url })[0], /token_endpoint: must be an https URL/, url)
  t.match(one({ expect_audience: 'x' })[0], /expect_audience/)
})

t.test('cors: an origin is written as browsers send it, and is never everybody', async (t) => {
  for (const [origin, why] of [
    ['*', 'may hold no *'],
    ['https://*.example.com', 'may hold no *'],
    ['null', 'may not be null'],
    ['app.example.com', 'must be an origin'],
    ['ftp://app.example.com', 'must be an origin'],
    ['https://App.example.com/', 'must be written as browsers send it: https://app.example.com'],
    ['https://app.example.com:443', 'must be written as browsers send it: https://app.example.com'],
    ['https://u@app.example.com', 'must be written as browsers send it'],
  ] as const)
    t.match(said('cors', { allow_origins: [origin] })[0], why, origin)
  t.strictSame(said('cors', { allow_origins: ['https://app.example.com', 'http://localhost:5173'] }), [])
})

t.test('auth: authorize_params may not undo what protects the login', async (t) => {
  for (const name of ['state', 'nonce', 'redirect_uri', 'code_challenge_method', 'scope', 'resource', 'request'])
    t.match(said('auth', { ...auth, authorize_params: { [name]: 'x' } })[0], `${name} is set by Bascule`)
  t.strictSame(said('auth', { ...auth, authorize_params: { prompt: 'consent', acr_values: 'x' } }), [])
})

t.test(
  'auth: id_token_hint is of the session, and cannot come twice, or from whoever wrote a link to the login',
  async (t) => {
    const name = 'id_token_hint'
    t.match(said('auth', { ...auth, authorize_params: { [name]: 'x' } })[0], `${name} is set by Bascule`)
    t.match(said('auth', { ...auth, pass_params: ['login_hint', name] })[0], `${name} is set by Bascule`)
  },
)

t.test('auth: without openid nobody is signed in', async (t) => {
  t.match(said('auth', { ...auth, oauth_scopes: 'profile' })[0], /must contain openid/)
})

t.test('session: times in milliseconds, and keys with enough in them', async (t) => {
  t.match(judge('session', undefined).value, { idle_timeout: 3_600_000, absolute_timeout: 43_200_000, store: 'memory' })
  t.match(judge('session', { idle_timeout: 90, absolute_timeout: '2d' }).value, {
    idle_timeout: 90_000,
    absolute_timeout: 172_800_000,
  })
  for (const key of ['short', 'a'.repeat(64)]) t.match(said('session', { keys: [key] })[0], /32 random bytes/)
  for (const name of ['__Host-x', 'bff_login', 'a b']) t.equal(said('session', { cookie: { name } }).length, 1, name)
  t.equal(said('session', { cookie: { same_site: 'none' } }).length, 1)
})

/** What the review says about one section beside the others. */
function reviewed<K extends keyof typeof sections & keyof Sections>(
  name: K,
  value: Sections[K],
  beside: Partial<Sections> = {},
) {
  const told: string[] = []
  const service: Service = { name: 'a', base_url: 'http://a', timeout: 1, idle_timeout: 1 }
  const view: ConfigView = {
    sections: { ...beside, [name]: value },
    server: {
      host: '',
      port: 0,
      public_url: 'https://app.test',
      public_urls: [],
      trusted_proxies: [],
      admin_port: 0,
      drain_timeout: 0,
    },
    services: { a: service, b: { ...service, name: 'b' } },
    routes: [],
    error: (path, message) => told.push(`error ${path.join('.')}: ${message}`),
    warn: (path, message) => told.push(`warn ${path.join('.')}: ${message}`),
  }
  const section = sections[name] as { review?(value: Sections[K], view: ConfigView): void }
  section.review?.(value, view)
  return told
}

t.test('review: names and audiences that will not work are warnings with their place', async (t) => {
  const beside = { auth: judge('auth', auth).value as Sections['auth'] }
  t.match(reviewed('service_audiences', { ghost: 'https://x.test' }, beside), [/^warn ghost: no service ghost/])
  t.match(reviewed('service_audiences', { a: 'empowernow' }, beside), [/^warn a: .*never sent as a resource/])
  t.match(reviewed('service_audiences', { a: 'https://x.test', b: 'https://X.test/' }, beside), [
    /^warn b: .*only by case or a slash/,
  ])
  t.strictSame(reviewed('service_audiences', { a: 'https://x.test', b: 'https://x.test' }, beside), [])
  t.match(reviewed('service_scopes', { ghost: ['x'] }, beside), [/^warn ghost/])
  const scopes = { ...beside.auth, oauth_scopes: ['openid'] }
  t.match(reviewed('auth', scopes), [/^warn oauth_scopes: lacks offline_access/])
})

t.test('review: a session that contradicts itself is an error', async (t) => {
  const value = judge('session', { idle_timeout: '2h', absolute_timeout: '1h', cookie: { domain: 'other.test' } }).value
  t.match(reviewed('session', value as Sections['session']), [
    /^error idle_timeout/,
    /^error cookie.domain: does not cover app.test/,
  ])
})

t.test('session: times that no calendar holds are refused, long ones are not', async (t) => {
  t.match(judge('session', { idle_timeout: '30d', absolute_timeout: '400d' }).value, { idle_timeout: 30 * 86_400_000 })
  for (const absolute_timeout of ['100000000d', '9'.repeat(400), 1e300])
    t.match(
      said('session', { absolute_timeout })[0],
      /at most 3650d|no duration/,
      String(absolute_timeout).slice(0, 20),
    )
  t.match(said('session', { idle_timeout: true })[0], /^idle_timeout: must be a duration: write 30s/)
})

t.test('session: csrf_header is one that only a script of ours can add', async (t) => {
  for (const csrf_header of ['Accept', 'content-type', 'Cookie', 'Origin', 'Sec-Fetch-Site', 'User-Agent', 'Range'])
    t.match(said('session', { csrf_header })[0], /^csrf_header: must be a header that only a script/, csrf_header)
  t.strictSame(said('session', { csrf_header: 'X-Requested-With' }), [])
})
