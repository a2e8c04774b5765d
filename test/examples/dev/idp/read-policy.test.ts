import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { formatProblem } from '../../../../core/config/report.ts'
import { readPolicy } from '../../../../examples/dev/idp/read-policy.ts'

const settings = `token:
  issuer: "https://idp.example.com"
  audience_mappings:
    scope_mappings:
      - scope: application.all
        audiences: [https://forms.example.com]
`
const clients = `bff-server:
  allowed_audiences: [https://forms.example.com]
`

function read(files: { readonly settings?: string; readonly clients?: string }) {
  const dir = mkdtempSync(join(tmpdir(), 'idp-'))
  writeFileSync(join(dir, 'settings.yaml'), files.settings ?? settings)
  writeFileSync(join(dir, 'clients.yaml'), files.clients ?? clients)
  const { policy, problems } = readPolicy(dir, {})
  return { policy, said: problems.map((problem) => formatProblem(problem).replace(`${dir}/`, '')) }
}

t.test('the two files become one policy, and a key of somebody else is only noticed', async (t) => {
  const { policy, said } = read({})
  t.same(policy?.mappings, [{ scope: 'application.all', audiences: ['https://forms.example.com'] }])
  t.match(policy?.clients.get('bff-server'), { scopes: undefined, allowedAudiences: ['https://forms.example.com'] })
  t.same(said, ['settings.yaml:2:3 notice issuer is not read by the development identity provider'])
})

t.test('a file that cannot be used says where', async (t) => {
  const wrong = read({
    clients: 'bff-server:\n  allowed_audiences: https://forms.example.com\n',
    settings: 'token: {}\n',
  })
  t.equal(wrong.policy, undefined)
  t.match(wrong.said, [
    /^clients\.yaml:2:22 error bff-server\.allowed_audiences must be a list/,
    /^settings\.yaml:1:1 error token\.audience_mappings is required/,
  ])
  t.match(read({ clients: 'bff-server: [\n' }).said, [/^clients\.yaml:\d+:\d+ error not valid YAML/])
})

t.test('the files of the default config have nothing to remark', async (t) => {
  const { policy, problems } = readPolicy(fileURLToPath(new URL('../../../../config/idp', import.meta.url)), {})
  t.same(problems, [])
  t.match(policy?.clients.get('bff-server')?.allowedAudiences, ['empowernow', /crud/, /analytics/])
})
