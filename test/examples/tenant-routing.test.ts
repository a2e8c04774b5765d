// examples/tenant-routing as its README says it, on both runtimes.
import { cpSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../core/load/load-config.ts'
import { blocksOf, linkPackages, readPage, root } from '../docs/blocks.ts'
import { type TestLike, tempDir } from '../kit/bascule.ts'
import { settings } from '../kit/default-profile.ts'
import { startExample } from '../kit/example.ts'
import { loginByFetch } from '../kit/login.ts'

const home = join(root, 'examples/tenant-routing')
const readme = readPage('examples/tenant-routing/README.md')
const block = (title: string) => blocksOf(readme).find(({ info }) => info.startsWith(`title=${title}`))!.text

const routes = (crud: string) => `
services:
  crud_service: { base_url: "${crud}" }
routes:
  - { id: crud, path: "/api/crud/*", target_service: crud_service, preserve_path: true }
${block('routes.yaml')}`

function configDir(t: TestLike): string {
  const dir = tempDir(t, {})
  cpSync(home, dir, { recursive: true })
  linkPackages(dir)
  return dir
}

/** With a Host of one's own, which fetch does not send. */
function get(url: string, headers: Record<string, string | string[]>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const req = request(url, { headers }, async (res) => {
      let body = ''
      for await (const piece of res.setEncoding('utf8')) body += piece
      resolve({ status: res.statusCode ?? 0, body })
    })
    req.on('error', reject).end()
  })
}

t.test('the page shows the profile that lies beside it', async (t) => {
  t.equal(block('profiles/tenants.yaml'), readFileSync(join(home, 'profiles/tenants.yaml'), 'utf8'))
})

for (const runtime of ['node', 'deno'] as const) {
  t.test(`a tenant is found, checked and told on ${runtime}`, async (t) => {
    const { origin, crud } = await startExample(t, runtime, configDir(t), {
      settings: 'profile: tenants',
      files: (services) => ({ 'routes.yaml': routes(services.crud.url) }),
    })
    const { cookie } = await loginByFetch(origin)
    const told = async (path: string, headers: Record<string, string | string[]>) => {
      const before = crud.requests.length
      const { status, body } = await get(origin + path, { cookie, ...headers })
      const seen = crud.requests.length > before ? crud.requests.at(-1)!.rawHeaders : []
      const tenants = seen.filter((_, i) => i % 2 === 1 && /^x.tenant$/i.test(seen[i - 1]!))
      return { status, code: status === 200 ? 'OK' : (JSON.parse(body) as { code: string }).code, tenants }
    }
    t.same(await told('/api/crud/1', { host: 'red.example.com' }), { status: 200, code: 'OK', tenants: ['red'] })
    t.same(
      await told('/api/crud/1', { host: 'BLUE.example.com', 'x-tenant': 'red', x_tenant: 'red', X_Tenant: 'red' }),
      { status: 200, code: 'OK', tenants: ['blue'] },
      'what the client says of it never arrives',
    )
    const unknown = { status: 404, code: 'TENANT_UNKNOWN', tenants: [] }
    t.same(await told('/api/crud/1', { host: 'green.example.com' }), unknown)
    t.same(await told('/api/by-header/1', { host: 'red.example.com' }), unknown, 'this route goes by a header')
    t.same(await told('/api/by-header/1', { 'x-acme-tenant': 'ada' }), { status: 200, code: 'OK', tenants: ['ada'] })
    t.same(await told('/api/by-header/1', { 'x-acme-tenant': ['ada', 'bob'] }), unknown, 'two headers are nobody')
    t.same(await told('/api/by-header/1', { 'x-acme-tenant': 'bob' }), { status: 403, code: 'FORBIDDEN', tenants: [] })
  })
}

t.test('with a claim to look at, a route without a session is refused at load', async (t) => {
  const dir = tempDir(t, {
    'settings.yaml': settings('profile: tenants'),
    'profiles/audience-bridge.yaml': readPage('config/profiles/audience-bridge.yaml'),
    'routes.yaml': routes('http://crud.test').replace('stages:', 'auth: none\n    stages:'),
  })
  cpSync(home, dir, { recursive: true })
  linkPackages(dir)
  const { report } = await loadConfig({ dir, env: {} })
  t.match(
    report.problems.filter(({ severity }) => severity === 'error').map(({ message }) => message),
    [
      'route crud-by-header: stage ./tenant.ts needs the slot session here, and session-auth, which provides it, does not run on this route (auth: none)',
    ],
  )
})
