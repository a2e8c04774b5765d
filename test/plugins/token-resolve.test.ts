import t from 'tap'
import { Explainer } from '../../core/explain/explain.ts'
import type { Route, Sections, Shared } from '../../core/index.ts'
import { loadConfig } from '../../core/load/load-config.ts'
import type { Session } from '../../plugins/lib/session/session.ts'
import type { Broker, Refusal } from '../../plugins/lib/token/broker.ts'
import type { Credential } from '../../plugins/lib/upstream/upstream.ts'
import tokenResolve from '../../plugins/token-resolve.ts'
import { tempDir } from '../kit/bascule.ts'
import { profile } from '../kit/default-profile.ts'
import { FakeExchange } from '../kit/fake-exchange.ts'
import { FakeHost, route } from '../kit/fake-host.ts'

const analytics = route('/api/v1/analytics/*', {
  id: 'api-analytics',
  auth: 'session',
  target_service: 'analytics_service',
})
const session = {} as Session
const credential = { audience: 'https://analytics.test' } as Credential

/** A host whose bridge has this broker. */
class BridgedHost extends FakeHost {
  readonly #broker: Broker

  constructor(credential: Broker['credential']) {
    super({ routes: [analytics] })
    this.#broker = {
      ...{ credential, prefetch: async () => {}, states: () => ({}), refused: () => undefined },
      missing: () => ({ kind: 'unknown' }),
      admit: async () => 'unknown',
    }
  }
  override section<K extends keyof Sections & string>(name: K): Sections[K] {
    return (name === 'cors' ? { allow_origins: [] } : {}) as Sections[K]
  }
  override async shared<S, T>(_what: Shared<S, T>, _settings: S): Promise<T> {
    return { broker: this.#broker, sessions: { over: () => false } } as T
  }
}

async function stage(credentialOf: Broker['credential']) {
  const host = new BridgedHost(credentialOf)
  const make = await tokenResolve.setup(host)
  const hooks = make(analytics)
  const run = async (headers: string[] = []) => {
    const x = new FakeExchange('/api/v1/analytics/workflows', { headers, slots: { route: analytics, session } })
    await hooks.run?.(x as Parameters<NonNullable<typeof hooks.run>>[0])
    return x.word
  }
  return { run, hooks, lines: host.lines }
}

t.test('gives the token of the service, without waiting where it is at hand', async (t) => {
  const asked: string[] = []
  const { run, hooks } = await stage((_session, service) => {
    asked.push(service)
    return credential
  })
  t.match(await run(), { kind: 'proceed', values: { token: credential } })
  t.same(asked, ['analytics_service'])
  const x = new FakeExchange('/', { slots: { route: analytics, session } })
  t.notOk(hooks.run?.(x as Parameters<NonNullable<typeof hooks.run>>[0]) instanceof Promise)
})

t.test('waits for a token that is being minted', async (t) => {
  const { run } = await stage(async () => credential)
  t.match(await run(), { kind: 'proceed', values: { token: credential } })
})

const noToken = (reason: Extract<Refusal, { kind: 'refused' }>['reason'], stepUp = false): Refusal => ({
  kind: 'refused',
  reason,
  stepUp,
})

t.test('says NO_TOKEN_AVAILABLE with service and reason, in the answer and in the log', async (t) => {
  for (const reason of ['no_mapping', 'denied_by_idp', 'no_refresh_token', 'not_mintable'] as const) {
    const { run, lines } = await stage(() => noToken(reason))
    t.match(await run(), {
      kind: 'reply',
      status: 401,
      code: 'NO_TOKEN_AVAILABLE',
      extra: { reason, members: { service: 'analytics_service', login_url: undefined } },
    })
    t.match(lines, [
      {
        level: 'warn',
        msg: 'NO_TOKEN_AVAILABLE service=analytics_service',
        fields: { status: 401, reason, route: 'api-analytics', correlation_id: 'id-1' },
      },
    ])
  }
})

t.test('says AUDIENCE_MISMATCH where the IdP answered with a token for somebody else', async (t) => {
  const { run } = await stage(() => noToken('audience_mismatch'))
  t.match(await run(), { status: 401, code: 'AUDIENCE_MISMATCH', extra: { reason: 'audience_mismatch' } })
})

t.test('where a new login would help, it says where', async (t) => {
  const { run } = await stage(() => noToken('denied_by_idp', true))
  const page = await run(['Referer', 'http://localhost:8080/reports?q=1', 'Sec-Fetch-Mode', 'cors'])
  const login_url = 'http://localhost:8080/auth/login?return_to='
  t.match(page, { extra: { members: { login_url: `${login_url}%2Freports%3Fq%3D1` } } }, 'back to the page that asked')
  const foreign = await run(['Referer', 'http://localhost:8080.evil.test/', 'Sec-Fetch-Mode', 'cors'])
  t.match(foreign, { extra: { members: { login_url: `${login_url}%2F` } } })
})

t.test('what one service lacks is fetched for that service', async (t) => {
  const { run } = await stage(() => noToken('step_up', true))
  const login_url = 'http://localhost:8080/auth/login?return_to=%2F&service=analytics_service'
  t.match(await run(), { code: 'NO_TOKEN_AVAILABLE', extra: { reason: 'step_up', members: { login_url } } })
})

t.test('a lost grant is a session that is over', async (t) => {
  const { run, lines } = await stage(async () => ({ kind: 'session_over' }))
  t.match(await run(['Accept', 'text/html']), {
    status: 401,
    code: 'SESSION_REQUIRED',
    extra: {
      reason: 'grant_lost',
      members: { login_url: 'http://localhost:8080/auth/login?return_to=%2Fapi%2Fv1%2Fanalytics%2Fworkflows' },
    },
  })
  t.same(lines, [], 'which is no NO_TOKEN_AVAILABLE')
})

t.test('a passing fault is 503 with Retry-After, and says whose it is', async (t) => {
  const idp = await stage(async () => ({ kind: 'unavailable', what: 'idp', retryAfter: 3 }))
  t.match(await idp.run(), { status: 503, code: 'IDP_UNAVAILABLE', extra: { retryAfter: 3 } })
  const store = await stage(async () => ({ kind: 'unavailable', what: 'store', retryAfter: 1 }))
  t.match(await store.run(), { status: 503, code: 'STORE_UNAVAILABLE', extra: { retryAfter: 1 } })
})

t.test('stands on session routes that have a service, and nowhere else', async (t) => {
  const on = (more: Partial<Route>) => tokenResolve.applies?.({ ...analytics, ...more }, undefined)
  t.equal(on({}), true)
  t.equal(on({ auth: 'none' }), false)
  t.equal(on({ auth: 'bearer' }), false)
  t.equal(on({ target_service: '' }), false, 'an endpoint')
})

t.test('explain names the mint of the service, which may be its own, and knows what that cannot ask for', async (t) => {
  const dir = tempDir(t, {
    'settings.yaml': `
auth: { issuer: "http://127.0.0.1:9", client_id: bff, client_secret: a-secret-of-the-test }
service_audiences: { a: no-uri, b: no-uri, c: "https://c.test" }
service_tokens: { a: { mint: audience } }
`,
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { a: { base_url: "http://127.0.0.1:9" }, b: { base_url: "http://127.0.0.1:9" }, c: { base_url: "http://127.0.0.1:9" } }
routes:
  - { id: a, path: /a, target_service: a, preserve_path: true, auth: session }
  - { id: b, path: /b, target_service: b, preserve_path: true, auth: session }
  - { id: c, path: /c, target_service: c, preserve_path: true, auth: session }
`,
  })
  const { config, report } = await loadConfig({ dir, env: {} })
  t.ok(config, report.problems.map(({ message }) => message).join('\n'))
  const explainer = await Explainer.open(config!)
  t.teardown(() => explainer.close())
  const told = async (target: string) => {
    const { code, reason, stages } = await explainer.explain({ method: 'GET', target, as: 'user' })
    return { code, reason, would: stages.find(({ name }) => name === 'token-resolve')?.would.join() }
  }
  t.match(await told('/a'), { code: 'OK', would: 'ask for a token for no-uri (mint: audience), unless' })
  t.match(await told('/b'), { code: 'NO_TOKEN_AVAILABLE', reason: 'not_mintable', would: '(mint: resource)' })
  t.match(await told('/c'), { code: 'OK', would: '(mint: resource)' })
})
