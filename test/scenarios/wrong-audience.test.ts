import t from 'tap'
import { startBackend } from '../kit/backend.ts'
import { freePort, startBascule } from '../kit/bascule.ts'
import { profile } from '../kit/default-profile.ts'
import { type Issued, Refuse, startFamilyIdp } from '../kit/families/family-idp.ts'
import { loginByFetch } from '../kit/login.ts'

const ours = 'https://analytics.test'
const seconds = Math.floor(Date.now() / 1000)

interface Wrong {
  readonly what: string
  readonly answer: () => Issued
  readonly match?: 'exact' | 'includes'
  readonly code: 'AUDIENCE_MISMATCH' | 'NO_TOKEN_AVAILABLE' | 'OK'
  readonly reason?: string
}

const matrix: readonly Wrong[] = [
  {
    what: 'the default audience',
    answer: () => ({ aud: 'https://default.test' }),
    code: 'AUDIENCE_MISMATCH',
    reason: 'audience_mismatch',
  },
  {
    what: 'an array without ours',
    answer: () => ({ aud: ['https://a.test', 'https://b.test'] }),
    code: 'AUDIENCE_MISMATCH',
    reason: 'audience_mismatch',
  },
  {
    what: 'a superset where exact is wanted',
    answer: () => ({ aud: [ours, 'https://b.test'] }),
    match: 'exact',
    code: 'AUDIENCE_MISMATCH',
    reason: 'audience_mismatch',
  },
  {
    what: 'a superset where it is enough',
    answer: () => ({ aud: [ours, 'https://b.test'] }),
    match: 'includes',
    code: 'OK',
  },
  {
    what: 'ours with a slash',
    answer: () => ({ aud: `${ours}/` }),
    code: 'AUDIENCE_MISMATCH',
    reason: 'audience_mismatch',
  },
  {
    what: 'another issuer',
    answer: () => ({ aud: ours, claims: { iss: 'https://other.test' } }),
    code: 'AUDIENCE_MISMATCH',
    reason: 'issuer_mismatch',
  },
  {
    what: 'an ID token',
    answer: () => ({ aud: ours, claims: { at_hash: 'x' } }),
    code: 'AUDIENCE_MISMATCH',
    reason: 'wrong_token_type',
  },
  {
    what: 'one that has expired',
    answer: () => ({ aud: ours, claims: { exp: seconds - 600 } }),
    code: 'NO_TOKEN_AVAILABLE',
    reason: 'token_expired',
  },
  {
    what: 'one without the scope',
    answer: () => ({ aud: ours, scope: 'other' }),
    code: 'NO_TOKEN_AVAILABLE',
    reason: 'not_granted',
  },
  {
    what: 'a page of HTML, with 200',
    answer: () => {
      throw new Refuse('<!doctype html><p>Please sign in to the wireless network', 200)
    },
    code: 'NO_TOKEN_AVAILABLE',
    reason: 'unusable_answer',
  },
]

for (const { what, answer, match = 'includes', code, reason } of matrix)
  t.test(`${what}${code === 'OK' ? ' is sent' : ' never reaches the service'}`, async (t) => {
    const idp = await startFamilyIdp({ login: () => ({ aud: 'bff' }), refresh: () => ({ rotate: true, ...answer() }) })
    const canary = await startBackend({ issuer: idp.issuer, audience: ours, alone: false })
    t.teardown(() => Promise.all([idp.close(), canary.close()]))
    const port = await freePort()
    const bascule = await startBascule(
      t,
      {
        'settings.yaml': `
server: { port: ${port}, public_url: "http://localhost:${port}" }
auth: { issuer: "${idp.issuer}", client_id: bff, client_secret: a-secret-of-the-matrix, mint: audience, oauth_scopes: openid api.read offline_access }
service_audiences: { analytics: "${ours}" }
service_scopes: { analytics: api.read }
service_tokens: { analytics: { match: ${match} } }
`,
        'profiles/audience-bridge.yaml': profile(),
        'routes.yaml': `
services: { analytics: { base_url: "${canary.url}" } }
routes: [{ id: a, path: "/a/*", target_service: analytics, upstream_path: "/{path}", auth: session }]
`,
      },
      { port },
    )
    const user = await loginByFetch(`http://localhost:${port}`)
    const answered = await user.fetch('/a/x')
    const line = await bascule.line((l) => l.route === 'a' && l.status !== undefined && /token_found/.test(l.msg))
    if (code === 'OK') {
      t.equal(answered.status, 200)
      return
    }
    t.equal(answered.status, 401)
    t.match(await answered.json(), { code, reason, service: 'analytics' })
    t.equal(canary.requests.length, 0, 'the service saw nothing')
    t.match(line.msg, 'token_found=False service=analytics')
    t.equal(line.reason, reason)
    const state = (await (await user.fetch('/auth/session')).json()) as { services: Record<string, object> }
    t.match(state.services.analytics, { state: 'misconfigured', reason })
  })
