import { readFileSync } from 'node:fs'
import t from 'tap'
import { startBascule } from '../../kit/bascule.ts'
import { profile, settings } from '../../kit/default-profile.ts'

const routes = `
services: { api: { base_url: "http://127.0.0.1:9" } }
routes: [{ id: api, path: "/api/*", target_service: api, preserve_path: true, auth: session }]
`
const start = (more = '') =>
  startBascule(t, {
    'settings.yaml': settings(more),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': routes,
  })

t.test('the module is served as it stands, and asked for again by its tag', async (t) => {
  const { url } = await start()
  const answer = await fetch(`${url}/auth/client.js`)
  t.match(answer.headers.get('content-type'), 'text/javascript')
  t.equal(answer.headers.get('cache-control'), 'no-cache')
  const text = await answer.text()
  t.equal(text, readFileSync(new URL('../../../plugins/client/client.js', import.meta.url), 'utf8'))
  const tag = answer.headers.get('etag')!
  t.equal((await fetch(`${url}/auth/client.js`, { headers: { 'if-none-match': tag } })).status, 304)
  t.equal((await fetch(`${url}/auth/client.js`, { method: 'POST' })).status, 405)
})

t.test('it knows the header that config demands', async (t) => {
  const { url } = await start('session: { csrf_header: X-CSRF }')
  t.match(await (await fetch(`${url}/auth/client.js`)).text(), 'const csrfHeader = "x-csrf"')
})

t.test(
  'minified it has under 3 kB',
  { skip: 'Deno' in globalThis && 'esbuild is a program for Node here' },
  async (t) => {
    const { transform } = await import('esbuild')
    const text = readFileSync(new URL('../../../plugins/client/client.js', import.meta.url), 'utf8')
    const { code } = await transform(text, { minify: true, format: 'esm' })
    t.ok(code.length < 3000, `${code.length} bytes`)
  },
)

t.test('login goes to the login of this bridge, whatever address a service wrote into a problem', async (t) => {
  const text = readFileSync(new URL('../../../plugins/client/client.js', import.meta.url), 'utf8')
  const left: string[] = []
  const page = { origin: 'https://app.test', pathname: '/page', search: '?a=1', assign: (to: string) => left.push(to) }
  Object.assign(globalThis, { pageOfTest: page })
  t.teardown(() => Reflect.deleteProperty(globalThis, 'pageOfTest'))
  const standing = `const location = globalThis.pageOfTest; const BroadcastChannel = undefined\n`
  const here = text
    .replace('import.meta.url', '"https://app.test/auth/client.js"')
    .replace('globalThis.BroadcastChannel', 'BroadcastChannel')
  const { login } = (await import(`data:text/javascript,${encodeURIComponent(standing + here)}`)) as {
    login(options?: { url?: string; returnTo?: string }): void
  }
  const own = 'https://app.test/auth/login'
  for (const [given, gone] of [
    [{}, `${own}?return_to=%2Fpage%3Fa%3D1`],
    [{ url: '/auth/login?return_to=%2Fx&service=api' }, `${own}?return_to=%2Fx&service=api`],
    [{ url: `${own}?return_to=%2Fx` }, `${own}?return_to=%2Fx`],
    [{ url: 'javascript:alert(document.domain)//?x' }, `${own}?x`],
    [{ url: 'javascript:alert(1)' }, own],
    [{ url: 'data:text/html,<script>alert(1)</script>' }, own],
    [{ url: 'https://evil.test/auth/login?return_to=%2F' }, `${own}?return_to=%2F`],
    [{ url: '//evil.test/auth/login' }, own],
    [{ url: '/auth/logout' }, own],
  ] as const) {
    login(given)
    t.equal(left.pop(), gone, JSON.stringify(given))
  }
})

t.test('its types name what it exports', async (t) => {
  const exported = (file: string) => {
    const text = readFileSync(new URL(`../../../plugins/client/${file}`, import.meta.url), 'utf8')
    const named = [...text.matchAll(/^export (?:async )?function (\w+)/gm)].map(([, name]) => name)
    return [...new Set([...named, ...[...text.matchAll(/^export \{ (.+) \}/gm)].map(([, name]) => name)])].sort()
  }
  t.same(exported('client.js'), exported('client.d.ts'))
})
