// Whichever of the places is wrong, and however: the doctor names its file and line, and what it says to write cures it.
import t from 'tap'
import { clinic } from '../kit/doctor.ts'
import { seedAuth, seedIdpClients, seedIdpSettings, seedMaps, seedRoutes } from '../kit/seeds.ts'

const seedClient = `  issuer: http://localhost:8090
  client_id: bff-server
  client_secret: a-secret-of-the-test
`

const analytics = 'https://analytics.ocg.labs.empowernow.ai'
const clients = 'idp/clients.yaml'
const mapping = 'idp/settings.yaml'
const other = `
spa-client:
  allowed_audiences:
    - ${analytics}
`

interface Injection {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** Where the change belongs, if not in the line that was spoilt. */
  readonly at?: readonly [file: string, line: string]
  readonly append?: readonly [file: string, text: string]
  readonly code: string
}

const wrong = [
  ['misspelt', analytics.replace('analytics', 'analytcis')],
  ['with a slash at the end', `${analytics}/`],
  ['of the wrong scheme', analytics.replace('https', 'http')],
  ['in other case', analytics.replace('analytics', 'Analytics')],
] as const

const injections: readonly Injection[] = [
  ...wrong.flatMap(([how, audience]): Injection[] => [
    { name: `settings.yaml: ${how}`, file: 'settings.yaml', from: analytics, to: audience, code: 'audience_unlike' },
    { name: `IdP scope: ${how}`, file: mapping, from: analytics, to: audience, code: 'audience_unlike' },
    { name: `IdP client: ${how}`, file: clients, from: analytics, to: audience, code: 'audience_unlike' },
  ]),
  {
    name: 'settings.yaml: missing',
    file: 'settings.yaml',
    from: `  analytics_service:  ${analytics}\n`,
    to: '',
    at: ['settings.yaml', 'service_audiences:'],
    code: 'no_audience',
  },
  {
    name: 'settings.yaml: the service misspelt',
    file: 'settings.yaml',
    from: `analytics_service:  ${analytics}`,
    to: `analytic_service:  ${analytics}`,
    code: 'no_audience',
  },
  {
    name: 'settings.yaml: right value for another service',
    file: 'settings.yaml',
    from: `analytics_service:  ${analytics}`,
    to: 'analytics_service:  https://crud.ocg.labs.empowernow.ai',
    code: 'audience_shared',
  },
  {
    name: 'settings.yaml: another client',
    file: 'settings.yaml',
    from: 'client_id: bff-server',
    to: 'client_id: spa-client',
    append: [clients, '\nspa-client:\n  scopes: [openid]\n'],
    code: 'client_unknown',
  },
  {
    name: 'settings.yaml: the client misspelt',
    file: 'settings.yaml',
    from: 'client_id: bff-server',
    to: 'client_id: bff-sever',
    code: 'client_unknown',
  },
  {
    name: 'settings.yaml: the scope not asked for',
    file: 'settings.yaml',
    from: 'openid profile email application.all offline_access',
    to: 'openid profile email offline_access',
    code: 'scope_not_asked',
  },
  {
    name: 'settings.yaml: the scope misspelt at login',
    file: 'settings.yaml',
    from: 'email application.all',
    to: 'email aplication.all',
    code: 'scope_not_asked',
  },
  {
    name: 'settings.yaml: the scope misspelt in service_scopes',
    file: 'settings.yaml',
    from: 'analytics_service:  application.all',
    to: 'analytics_service:  aplication.all',
    code: 'scope_not_asked',
  },
  {
    name: 'settings.yaml: no refresh token asked for',
    file: 'settings.yaml',
    from: 'application.all offline_access',
    to: 'application.all',
    code: 'no_refresh_token',
  },
  {
    name: 'IdP scope: missing',
    file: mapping,
    from: `          - ${analytics}`,
    to: '',
    at: [mapping, 'audiences:'],
    code: 'audience_not_mapped',
  },
  {
    name: 'IdP scope: misspelt scope',
    file: mapping,
    from: 'scope: application.all',
    to: 'scope: aplication.all',
    code: 'scope_maps_elsewhere',
  },
  {
    name: 'IdP scope: right value under another scope',
    file: mapping,
    from: `          - ${analytics}`,
    to: `      - scope: billing.all\n        audiences:\n          - ${analytics}`,
    at: [mapping, 'audiences:'],
    code: 'scope_maps_elsewhere',
  },
  {
    name: 'IdP client: missing',
    file: clients,
    from: `    - ${analytics}\n`,
    to: '',
    at: [clients, 'allowed_audiences:'],
    code: 'audience_not_allowed',
  },
  {
    name: 'IdP client: right value for the wrong client',
    file: clients,
    from: `    - ${analytics}\n`,
    to: '',
    append: [clients, other],
    at: [clients, 'allowed_audiences:'],
    code: 'audience_not_allowed',
  },
  {
    name: 'IdP client: the scope not allowed',
    file: clients,
    from: ', application.all]',
    to: ']',
    code: 'scope_not_allowed',
  },
  {
    name: 'IdP client: the scope misspelt',
    file: clients,
    from: ', application.all]',
    to: ', aplication.all]',
    code: 'scope_not_allowed',
  },
]

t.test('the clean control: nothing found', async (t) => {
  const { code, told, err } = await clinic(t).examine('--offline')
  t.equal(code, 0)
  t.equal(err, '')
  t.match(told, { ok: true, findings: { length: 0 } })
})

for (const { name, file, from, to, at, append, code } of injections)
  t.test(name, async (t) => {
    const c = clinic(t)
    const spoilt = c.spoil(file, from, to)
    if (append !== undefined) c.write(append[0], c.read(append[0]) + append[1])
    const { code: exit, told } = await c.examine('--offline')
    const faults = told.findings.filter((finding) => finding.severity === 'fault')
    t.equal(exit, 1)
    t.equal(faults.length, 1, faults.map((fault) => fault.message).join('\n'))
    const [fault] = faults
    t.match(fault, { code })
    t.equal(c.nameOf(fault), at?.[0] ?? file)
    const line =
      at === undefined
        ? spoilt
        : c
            .read(at[0])
            .split('\n')
            .findIndex((text) => text.includes(at[1])) + 1
    t.equal(fault?.line, line)
    // What it says to write is the cure, and nothing more is needed.
    if (fault !== undefined) c.obey(fault)
    const after = await c.examine('--offline')
    t.same(after.told.findings ?? after.told.problems, [])
    t.equal(after.code, 0)
  })

t.test('a redirect URI that the client lacks is named for each public origin, and what is to be added', async (t) => {
  const c = clinic(t)
  const registered =
    '  redirect_uris:\n    - http://localhost:8080/auth/callback/\n    - https://app.example.com/auth/callback\n'
  c.write(clients, c.read(clients).replace('  allowed_audiences:', `${registered}  allowed_audiences:`))
  c.spoil(
    'settings.yaml',
    '  public_url:',
    '  public_urls: [https://app.example.com, https://app2.example.com]\n  public_url:',
  )
  const { code, told } = await c.examine('--offline')
  t.equal(code, 1)
  t.match(told.findings, [
    {
      ...{ severity: 'fault', code: 'redirect_not_registered', where: 'idp_client' },
      message: /no redirect URI of the client bff-server; it has .*callback\/, which differs by a slash at the end/,
      change: { edit: 'add', text: '- http://localhost:8080/auth/callback' },
    },
    { code: 'redirect_not_registered', change: { edit: 'add', text: '- https://app2.example.com/auth/callback' } },
  ])
  t.equal(told.findings.length, 2)
  for (const finding of told.findings) {
    t.equal(c.nameOf(finding), clients)
    c.obey(finding)
  }
  t.match(await c.examine('--offline'), { code: 0, told: { findings: { length: 0 } } })
  for (const unknown of ['https://*.example.com/auth/callback', '{ a: b }']) {
    c.write(clients, c.read(clients).replace(/ {2}redirect_uris:\n( {4}- .*\n)+/, `  redirect_uris: ["${unknown}"]\n`))
    t.equal((await c.examine('--offline')).code, 0, 'what is no list of URIs says nothing')
  }
})

for (const [how, to] of [
  ['missing', ''],
  ['misspelt', 'target_service: "analytcis_service"'],
  ['with a slash at the end', 'target_service: "analytics_service/"'],
] as const)
  t.test(`routes.yaml: ${how}`, async (t) => {
    const c = clinic(t)
    const spoilt = c.spoil('routes.yaml', 'target_service: "analytics_service"', to)
    const { code, told } = await c.examine('--offline')
    t.equal(code, 2)
    const said = told.problems?.map((problem) => [c.nameOf(problem), problem.line] as const) ?? []
    // Without the key the route is named: the line of its dash.
    t.ok(said.some(([file, line]) => file === 'routes.yaml' && (to === '' ? line < spoilt : line === spoilt)))
  })

t.test("the seeds' own YAML, pasted unchanged, is clean", async (t) => {
  const c = clinic(t)
  c.write('routes.yaml', seedRoutes)
  c.write('settings.yaml', `${seedAuth}${seedClient}${seedMaps}`)
  c.write('idp/settings.yaml', seedIdpSettings)
  c.write('idp/clients.yaml', seedIdpClients)
  for (const preset of ['', '  preset: empowernow\n']) {
    c.write('settings.yaml', `${seedAuth}${seedClient}${preset}${seedMaps}`)
    t.match(await c.examine('--offline'), { code: 0, err: '', told: { ok: true, findings: { length: 0 } } })
  }
})
