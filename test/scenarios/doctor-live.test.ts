// Only the identity provider itself in reach: it is asked, and what it refuses is told with the line to change, or the words to send.
import t, { type Test } from 'tap'
import { startIdp } from '../../examples/dev/idp/start.ts'
import { type Clinic, clinic, runDoctor, type Told } from '../kit/doctor.ts'
import { startStrictIdp } from '../kit/strict-idp.ts'

const analytics = 'https://analytics.ocg.labs.empowernow.ai'
const clientSecret = 'a-secret-of-this-test'

interface Asked {
  readonly code: number
  readonly out: string
  readonly told: Told
}

/** The identity provider reads the files as they are when it is asked for the first time. */
async function withIdp(
  t: Test,
  c: Clinic,
): Promise<(flags?: string[], env?: Record<string, string>) => Promise<Asked>> {
  const idp = await startIdp({
    ...{ dir: c.file('idp'), port: 0, origins: ['http://localhost:8080'], clientSecret, accessTokenTtl: 60, env: {} },
  })
  t.teardown(() => idp.close())
  return (flags = [], env = {}) => ask(c, idp.issuer, flags, { BFF_CLIENT_SECRET: clientSecret, ...env })
}

async function ask(c: Clinic, issuer: string, flags: string[], env: Record<string, string>): Promise<Asked> {
  const { code, out, err } = await runDoctor(['--config', c.dir, '--json', ...flags], {
    BASCULE_ISSUER: issuer,
    ...env,
  })
  if (err !== '') throw new Error(err)
  return { code, out, told: JSON.parse(out) }
}

const user = { BASCULE_DOCTOR_PASSWORD: 'ada' }

t.test('a test user gets a token for every service, and no token is printed', async (t) => {
  const asked = await withIdp(t, clinic(t))
  const { code, out, told } = await asked(['--as', 'ada'], user)
  t.equal(code, 0)
  t.match(told, { ok: true, findings: { length: 0 } })
  t.same(
    told.rows.map(({ state }) => state.token),
    ['ok', 'ok'],
  )
  t.notMatch(out, /eyJ/)
  t.match(await asked(), { code: 0, told: { findings: { length: 0 } } })
})

for (const [how, file, to, cure] of [
  ['not mapped', 'idp/settings.yaml', '', undefined],
  ['mapped misspelt', 'idp/settings.yaml', analytics.replace('analytics', 'analytcis'), undefined],
  ['mapped with another scheme', 'idp/settings.yaml', analytics.replace('https', 'http'), undefined],
  ['not allowed', 'idp/clients.yaml', '', undefined],
  ['allowed with a slash', 'idp/clients.yaml', `${analytics}/`, undefined],
  ['mapped and allowed with a slash', 'both', `${analytics}/`, `${analytics}/`],
  [
    'mapped and allowed with another scheme',
    'both',
    analytics.replace('https', 'http'),
    analytics.replace('https', 'http'),
  ],
] as const)
  t.test(`an audience ${how}: the service is named, and only it`, async (t) => {
    const c = clinic(t)
    for (const name of ['idp/settings.yaml', 'idp/clients.yaml'])
      if (file === name || file === 'both')
        c.write(name, c.read(name).replace(to === '' ? `- ${analytics}\n` : analytics, to === '' ? '\n' : to))
    const asked = await withIdp(t, c)
    const { code, told } = await asked()
    t.equal(code, 1)
    t.equal(told.findings.length, 1)
    const [fault] = told.findings
    t.match(fault, {
      subject: 'analytics_service',
      code: cure === undefined ? 'token_refused' : 'audience_unlike',
      ...(cure === undefined ? { tell: analytics } : { change: { edit: 'replace', text: cure } }),
    })
    t.match(c.read('settings.yaml').split('\n')[(fault?.line ?? 0) - 1], `analytics_service:  ${analytics}`)
    // With the files the place is named instead.
    const files = await asked(['--idp-config', c.file('idp')])
    t.equal(files.told.findings.length, 1)
    t.equal(c.nameOf(files.told.findings[0]), file === 'both' ? 'settings.yaml' : file)
    t.match(files.told.rows[0]?.state, { token: 'refused' })
  })

t.test('client, secret, redirect URI and issuer are told apart', async (t) => {
  const c = clinic(t)
  const asked = await withIdp(t, c)
  const lineOf = (text: string) =>
    c
      .read('settings.yaml')
      .split('\n')
      .findIndex((line) => line.includes(text)) + 1
  const expected = async (env: Record<string, string>, code: string, at: string, tell?: RegExp) => {
    const { code: exit, told } = await asked([], env)
    t.equal(exit, 1)
    t.match(told.findings, [{ code, line: lineOf(at), ...(tell && { tell }) }])
    t.equal(told.findings.length, 1)
  }
  await expected({ BFF_CLIENT_SECRET: 'another-secret' }, 'login_refused', '  client_secret:')
  await expected({ BASCULE_PUBLIC_URL: 'http://localhost:8089' }, 'login_refused', 'public_url:', /register .*8089/)
  c.spoil('settings.yaml', 'server:', 'server:\n  public_urls: ["http://127.0.0.1:8080"]')
  await expected({}, 'login_refused', 'public_urls:', /register .*127\.0\.0\.1:8080\/auth\/callback/)
  c.spoil('settings.yaml', '  public_urls: ["http://127.0.0.1:8080"]\n', '')
  await expected({ BASCULE_ISSUER: 'http://localhost:1' }, 'idp_unreachable', 'issuer:')
  c.spoil('settings.yaml', 'client_id: bff-server', 'client_id: bff-sever')
  await expected({}, 'login_refused', 'client_id:')
})

t.test('a password that is refused is said once, and not printed', async (t) => {
  const asked = await withIdp(t, clinic(t))
  const { code, out, told } = await asked(['--as', 'ada'], { BASCULE_DOCTOR_PASSWORD: 'not-her-password' })
  t.equal(code, 1)
  t.match(told.findings, [{ code: 'login_refused', message: /did not take the password of ada/ }])
  t.notMatch(out, /not-her-password/)
})

t.test('a provider that rotates and detects reuse sees no reuse, and its grant is ended', async (t) => {
  await using idp = await startStrictIdp({ accessTokenTtl: 60 })
  const { code, told } = await ask(clinic(t), idp.issuer, ['--as', 'ada'], { BFF_CLIENT_SECRET: idp.clientSecret })
  t.equal(code, 0)
  t.same(told.findings, [])
  t.match(idp.counts, { code: 1, refresh: 2, reuse: 0 })
})

t.test('a token that is not for the service is told with what it is for', async (t) => {
  const c = clinic(t)
  c.spoil('settings.yaml', '  client_id:', '  mint: login\n  client_id:')
  const asked = await withIdp(t, c)
  const { code, told } = await asked(['--as', 'ada'], user)
  t.equal(code, 1)
  t.match(told.findings, [{ code: 'token_wrong', subject: 'analytics_service', message: /opaque/, tell: analytics }])
})
