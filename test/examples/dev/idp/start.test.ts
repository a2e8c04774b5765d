import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formatProblem, type Problem } from '../../../../core/config/report.ts'
import { startIdp } from '../../../../examples/dev/idp/start.ts'
import { authorizeByFetch, redeem } from '../../../kit/oauth-client.ts'

const forms = 'https://forms.example.com'
const reports = 'https://reports.example.com'
const settings = `token: { audience_mappings: { scope_mappings: [{ scope: application.all, audiences: [${forms}, ${reports}] }] } }\n`
const clients = (...audiences: readonly string[]) =>
  `bff-server: { scopes: [openid, profile, email, offline_access, application.all], allowed_audiences: [${audiences}] }\n`

async function start(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'idp-'))
  writeFileSync(join(dir, 'settings.yaml'), settings)
  writeFileSync(join(dir, 'clients.yaml'), clients(forms, reports))
  let told: (outcome: { readonly outcome: string; readonly problems: readonly Problem[] }) => void = () => undefined
  const idp = await startIdp({
    ...{ dir, port: 0, origins: ['http://localhost:1'], clientSecret: 'secret', accessTokenTtl: 60, env: {} },
    reread: (outcome, problems) => told({ outcome, problems }),
  })
  t.teardown(() => idp.close())
  const write = (text: string) => {
    const reread = new Promise<{ readonly outcome: string; readonly problems: readonly Problem[] }>((resolve) => {
      told = resolve
    })
    writeFileSync(join(dir, 'clients.yaml'), text)
    return reread
  }
  const client = {
    issuer: idp.issuer,
    clientId: 'bff-server',
    clientSecret: 'secret',
    redirectUri: 'http://localhost:1/auth/callback',
  }
  return { client, write }
}

const login = (client: Parameters<typeof authorizeByFetch>[0], resources: readonly string[], user = 'ada') =>
  authorizeByFetch(client, {
    resources,
    user,
    password: user,
    scope: 'openid profile email application.all offline_access',
  })

t.test('a login without a prompt gets a refresh token, and a token for each audience', async (t) => {
  const { client } = await start(t)
  const code = await login(client, [forms, reports])
  const first = await redeem(client, { ...code.grant, resource: forms })
  t.match(first.claims, { aud: forms, sub: 'ada', scope: 'application.all' })
  const second = await redeem(client, {
    grant_type: 'refresh_token',
    refresh_token: first.refreshToken,
    resource: reports,
  })
  t.match(second.claims, { aud: reports, sub: 'ada' })
  t.not(second.refreshToken, first.refreshToken, 'refresh tokens rotate')
})

t.test(
  'an audience taken out is refused without spending the refresh token; put back, no new login is needed',
  async (t) => {
    const { client, write } = await start(t)
    const code = await login(client, [forms])
    const first = await redeem(client, { ...code.grant, resource: forms })
    const refresh = (refresh_token: string, resource: string) =>
      redeem(client, { grant_type: 'refresh_token', refresh_token, resource })

    t.equal((await write(clients(forms))).outcome, 'changed')
    const refused = await refresh(first.refreshToken, reports)
    t.match(refused, { status: 400, error: 'invalid_target', description: /allowed_audiences in clients\.yaml/ })
    const still = await refresh(first.refreshToken, forms)
    t.match(still.claims, { aud: forms }, 'the refused refresh cost nothing')

    await write(clients(forms, reports))
    const back = await refresh(still.refreshToken, reports)
    t.match(back.claims, { aud: reports, scope: 'application.all' })
  },
)

t.test('a file that cannot be used keeps the old settings', async (t) => {
  const { client, write } = await start(t)
  const { outcome, problems } = await write('bff-server: [\n')
  t.equal(outcome, 'refused')
  t.match(problems.map(formatProblem), [/clients\.yaml:\d+:\d+ error/])
  const code = await login(client, [forms], 'bob')
  t.match((await redeem(client, { ...code.grant, resource: forms })).claims, { aud: forms, sub: 'bob' })
})

t.test('one audience that the client may not have refuses the whole authorization', async (t) => {
  const { client, write } = await start(t)
  await write(clients(forms))
  const { error } = await login(client, [forms, reports])
  t.equal(error, 'invalid_target')
})

t.test('a refresh token that comes a second time is worth nothing, and neither is its successor', async (t) => {
  const { client } = await start(t)
  const code = await login(client, [forms])
  const first = await redeem(client, { ...code.grant, resource: forms })
  const refresh = (refresh_token: string) =>
    redeem(client, { grant_type: 'refresh_token', refresh_token, resource: forms })
  const second = await refresh(first.refreshToken)
  t.equal((await refresh(first.refreshToken)).error, 'invalid_grant')
  t.equal((await refresh(second.refreshToken)).error, 'invalid_grant')
})

t.test('a wrong password shows the form again', async (t) => {
  const { client } = await start(t)
  await t.rejects(
    authorizeByFetch(client, { resources: [], user: 'ada', password: 'bob', scope: 'openid' }),
    /refused the password/,
  )
})
