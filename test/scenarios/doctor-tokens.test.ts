// A provider that gives whatever it likes: each wrong token is told for what it is, and none is printed.
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { clinic, runDoctor, type Told } from '../kit/doctor.ts'

const analytics = 'https://analytics.ocg.labs.empowernow.ai'

interface Fake {
  readonly issuer: string
  aud: unknown
  scope: string
  iss?: string
  life: number
  opaque: boolean
  /** Instead of a token: status and body. */
  answer?: readonly [status: number, body: object]
  date?: string
  grants?: readonly string[]
}

async function fakeIdp(t: Test): Promise<Fake> {
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', fake.issuer)
    req.resume()
    if (fake.date !== undefined) res.setHeader('date', fake.date)
    if (url.pathname === '/auth') {
      const back = new URL(url.searchParams.get('redirect_uri') ?? '')
      back.searchParams.set('error', 'login_required')
      res.writeHead(302, { location: back.href }).end()
    } else {
      const [status, body] = url.pathname === '/token' ? (fake.answer ?? [200, tokenOf(fake)]) : [200, metadata(fake)]
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: Fake = { issuer, aud: analytics, scope: 'application.all', life: 300, opaque: false }
  return fake
}

function metadata({ issuer, grants = ['client_credentials'] }: Fake) {
  const endpoints = {
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
  }
  return { issuer, ...endpoints, grant_types_supported: grants }
}

function tokenOf({ issuer, iss = issuer, aud, scope, life, opaque }: Fake) {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss, aud, scope, exp: Math.floor(Date.now() / 1000) + life }
  const access_token = opaque ? 'an-opaque-token' : `${part({ alg: 'RS256', typ: 'at+jwt' })}.${part(claims)}.c2ln`
  return { access_token, token_type: 'Bearer', expires_in: 300 }
}

t.test('each wrong token is told for what it is', async (t) => {
  const fake = await fakeIdp(t)
  const c = clinic(t)
  c.spoil('settings.yaml', '  client_id:', '  mint: client-credentials\n  client_id:')
  c.spoil('routes.yaml', '    target_service: "crud_service"', '    target_service: "analytics_service"')
  c.spoil('routes.yaml', '"/api/crud/*"', '"/api/v2/analytics/*"')
  const examine = async () => {
    const { code, out, err } = await runDoctor(['--config', c.dir, '--json'], { BASCULE_ISSUER: fake.issuer })
    t.equal(err, '')
    t.notMatch(out, /eyJ|an-opaque-token/)
    return { code, told: JSON.parse(out) as Told }
  }
  t.match(await examine(), { code: 0, told: { findings: { length: 0 }, rows: [{ state: { token: 'ok' } }] } })
  const cases: readonly (readonly [Partial<Fake>, RegExp, string?])[] = [
    [{ aud: 'https://default.example.com' }, /audience_mismatch.*default\.example\.com/],
    [{ aud: `${analytics}/` }, /audience_mismatch.*a slash at the end/, `${analytics}/`],
    [
      { aud: [analytics.replace('https', 'http')] },
      /audience_mismatch.*the scheme/,
      analytics.replace('https', 'http'),
    ],
    [{ aud: undefined }, /audience_mismatch/],
    [{ scope: 'api.read' }, /not_granted/],
    [{ iss: 'https://other.example.com' }, /issuer_mismatch/],
    [{ life: -4000 }, /token_expired/],
    [{ opaque: true }, /token_opaque/],
  ]
  for (const [wrong, message, cure] of cases) {
    const before = { ...fake }
    Object.assign(fake, wrong)
    const { code, told } = await examine()
    Object.assign(fake, { iss: undefined }, before)
    t.equal(code, 1)
    t.match(told.findings, [
      { code: 'token_wrong', subject: 'analytics_service', message, ...(cure && { change: { text: cure } }) },
    ])
    t.equal(told.findings.length, 1)
    t.match(told.rows[0]?.state, { token: 'wrong' })
  }
})

t.test("another service's audience is never what to write, however like it is", async (t) => {
  const fake = await fakeIdp(t)
  const c = clinic(t)
  c.spoil('settings.yaml', '  client_id:', '  mint: client-credentials\n  client_id:')
  c.spoil('settings.yaml', 'https://crud.ocg.labs.empowernow.ai', `${analytics}/`)
  fake.aud = `${analytics}/`
  const { out } = await runDoctor(['--config', c.dir, '--json'], { BASCULE_ISSUER: fake.issuer })
  const { findings } = JSON.parse(out) as Told
  t.match(findings, [{ code: 'token_wrong', subject: 'analytics_service' }])
  t.same([findings.length, findings[0]?.change], [1, undefined])
})

t.test("a refusal is told in the provider's own words, on one line", async (t) => {
  const fake = await fakeIdp(t)
  const c = clinic(t)
  c.spoil('settings.yaml', '  client_id:', '  mint: client-credentials\n  client_id:')
  const env = { BASCULE_ISSUER: fake.issuer }
  fake.answer = [400, { error: 'invalid_target', error_description: 'not for you\n\u001b[2J' }]
  const refused = await runDoctor(['--config', c.dir], env)
  t.equal(refused.code, 1)
  t.match(refused.out, /invalid_target: not for you/)
  t.notOk(refused.out.includes('\u001b'))
  fake.answer = [401, { error: 'invalid_client' }]
  t.match(await runDoctor(['--config', c.dir], env), { code: 1, out: /does not take the credentials of bff-server/ })
})

t.test('a clock that is off, and a grant that is not offered', async (t) => {
  const fake = await fakeIdp(t)
  fake.date = new Date(Date.now() - 600_000).toUTCString()
  fake.grants = ['authorization_code']
  const { out } = await runDoctor(['--config', clinic(t).dir, '--json'], { BASCULE_ISSUER: fake.issuer })
  const codes = (JSON.parse(out) as Told).findings.map((finding) => finding.code)
  t.ok(codes.includes('clock_skew'))
  t.ok(codes.includes('idp_lacks'))
})
