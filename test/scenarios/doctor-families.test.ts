// Each family of identity providers, asked for real with a test user: clean, it finds nothing; spoilt, it names the one place.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { profile } from '../kit/default-profile.ts'
import { Clinic, runDoctor, type Told } from '../kit/doctor.ts'
import { type FamilyCase, families, type ServiceName } from '../kit/families/families.ts'
import { type FamilyIdp, startFamilyIdp } from '../kit/families/family-idp.ts'

const services = ['analytics', 'crud'] as const

function settings(one: FamilyCase, issuer: string): string {
  const map = (name: string, value: ((service: ServiceName) => string) | undefined) =>
    value === undefined ? '' : `${name}:\n${services.map((service) => `  ${service}: ${value(service)}\n`).join('')}`
  return `auth:
  issuer: ${issuer}
  client_id: bff
  client_secret: a-secret-of-the-families
${one.auth}
${map('service_audiences', (service) => `"${one.audience(service)}"`)}${map('service_scopes', one.scope)}${map('service_tokens', one.tokens)}`
}

const routes = `services:
${services.map((name) => `  ${name}: { base_url: "http://127.0.0.1:9" }`).join('\n')}
routes:
${services.map((name) => `  - { id: ${name}, path: "/${name}/*", target_service: ${name}, upstream_path: "/{path}", auth: session }`).join('\n')}
`

interface Injection {
  readonly how: string
  /** In settings.yaml. */
  readonly from?: string
  readonly to?: string
  /** The provider's own fault: not allowed to the client. */
  readonly allowed?: readonly ServiceName[]
  /** Text of the line to be named, where it is not the one that was spoilt. */
  readonly at?: string
  readonly code: RegExp
  /** What to write; else its owner is told something that has this in it. */
  readonly cure?: string
  readonly tell?: string
}

/** Wrong spellings of what the provider goes by. Nobody can say what was meant by a misspelling that the provider only refuses. */
function spellings(right: string, one: FamilyCase): Injection[] {
  const misspelt = right.replace(/analytics|(?<=^28)\d/, (part) => (part === 'analytics' ? 'analytcis' : '7'))
  const all = one.event === undefined && one.own === undefined
  const list: Injection[] = [
    { how: 'misspelt', to: misspelt, code: /token_/, ...(all ? { cure: right } : { tell: misspelt }) },
    { how: 'with a slash at the end', to: `${right}/`, code: /audience_unlike|token_wrong/, cure: right },
  ]
  if (right.startsWith('https:'))
    list.push({
      ...{ how: 'of another scheme', to: right.replace('https', 'http') },
      ...{ code: /audience_unlike|token_wrong/, cure: right },
    })
  return list.map((injection) => ({ ...injection, from: `analytics: "${right}"`, to: `analytics: "${injection.to}"` }))
}

function entra(one: FamilyCase): Injection[] {
  const scope = 'analytics: api://analytics/.default'
  const guid = one.aud('analytics')
  const expected = `analytics: { expected_audience: "${guid}"`
  const other = guid.replace(/0$/, '7')
  return [
    ...[scope.replace('api://analytics', 'api://analytcis'), scope.replace('api:', 'https:'), `${scope}/`].map(
      (to) => ({
        ...{ how: `service_scopes says ${to}`, from: scope, to },
        ...{ code: /token_refused/, tell: to.replace('analytics: ', '') },
      }),
    ),
    ...[other, `${guid}/`].map((to) => ({
      ...{ how: `expected_audience is ${to}`, from: expected, to: expected.replace(guid, to) },
      ...{ code: /token_wrong/, cure: guid },
    })),
  ]
}

function injections(one: FamilyCase): Injection[] {
  const right = one.audience('analytics')
  const line = `  analytics: "${right}"\n`
  const own = one.scope !== undefined && one.tokens !== undefined
  const list: Injection[] = [
    {
      how: 'missing',
      from: line,
      to: '',
      at: 'service_audiences:',
      code: /no_audience/,
      cure: 'analytics: THE AUDIENCE',
    },
    {
      ...{ how: 'not allowed to the client', allowed: ['crud'], at: own ? 'analytics: api:' : line.trim() },
      ...{ code: /token_/, tell: right },
    },
    ...(own ? entra(one) : spellings(right, one)),
  ]
  if (one.event === 'exchange' && one.scope !== undefined)
    list.push({
      ...{
        how: 'a scope that the provider does not know',
        from: 'analytics: analytics.read',
        to: 'analytics: analytcis.read',
      },
      ...{ code: /token_refused/, tell: 'analytcis.read' },
    })
  if (one.scope?.('analytics') === 'application.all')
    list.push({
      ...{
        how: 'the scope not asked for at login',
        from: one.auth,
        to: `${one.auth}\n  oauth_scopes: openid offline_access`,
      },
      ...{ at: '  oauth_scopes:', code: /scope_not_asked/, cure: '"openid offline_access application.all"' },
    })
  return list
}

function stand(t: Test): Clinic {
  const dir = mkdtempSync(join(tmpdir(), 'doctor-families-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  mkdirSync(join(dir, 'profiles'))
  const c = new Clinic(dir)
  c.write('profiles/audience-bridge.yaml', profile())
  c.write('routes.yaml', routes)
  return c
}

async function examine(c: Clinic, idp: FamilyIdp): Promise<{ readonly code: number; readonly told: Told }> {
  // It comes as somebody whom the provider does not know yet.
  idp.user = undefined
  idp.events.length = 0
  idp.revoked.length = 0
  const { code, out, err } = await runDoctor(['--config', c.dir, '--json', '--as', 'ada'])
  if (err !== '' || /eyJ|rt-/.test(out)) throw new Error(`it wrote to stderr, or printed a token: ${err}${out}`)
  return { code, told: JSON.parse(out) }
}

/** What is to be seen of the findings: one, at this line of settings.yaml, with this to write or to tell. */
async function shown(c: Clinic, idp: FamilyIdp, { from, to = '', at, code, cure, tell }: Injection) {
  const spoilt = from === undefined ? 0 : c.spoil('settings.yaml', from, to)
  const { code: exit, told } = await examine(c, idp)
  const lines = c.read('settings.yaml').split('\n')
  const line = at === undefined ? spoilt : lines.findIndex((text) => text.includes(at)) + 1
  const [fault] = told.findings
  const seen = { exit, where: `${c.nameOf(fault)}:${fault?.line}`, of: fault?.subject, findings: told.findings }
  const wanted = {
    ...{ exit: 1, where: `settings.yaml:${line}`, of: 'analytics' },
    findings: [{ severity: 'fault', code, ...(cure && { change: { text: cure } }), ...(tell && { tell }) }],
  }
  return { seen, wanted, count: told.findings.length }
}

t.test('doctor asks each family of identity providers', async (t) => {
  const c = stand(t)
  const idp = await startFamilyIdp({ login: () => ({ aud: [] }), refresh: () => ({ aud: [] }) })
  t.teardown(() => idp.close())

  for (const [name, one] of Object.entries(families))
    await t.test(name, async (t) => {
      const start = (allowed?: readonly ServiceName[]) => {
        idp.family = one.family(allowed)
        c.write('settings.yaml', settings(one, idp.issuer))
      }
      start()
      const { code, told } = await examine(c, idp)
      t.same({ code, findings: told.findings }, { code: 0, findings: [] }, 'clean: nothing found')
      const tokens = told.rows.map(({ state }) => state.token)
      t.same(tokens, ['ok', 'ok'], 'a token for each, for real')
      const seen = (event: string) => idp.events.filter((happened) => happened === event).length
      t.equal(seen('reuse'), 1, 'only the question whether it knows the client, with a token that nobody has')
      t.equal(new Set(idp.revoked).size, seen('code'), 'every grant is ended')

      for (const injection of injections(one)) {
        start(injection.allowed)
        const { seen, wanted, count } = await shown(c, idp, injection)
        t.match(seen, wanted, injection.how)
        t.equal(count, 1, `${injection.how}: nothing else is found`)
      }
    })
})
