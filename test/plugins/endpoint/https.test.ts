// Behind an edge that ends TLS: what changes when users see https.
import t from 'tap'
import { startBascule, type TestLike } from '../../kit/bascule.ts'
import { profile } from '../../kit/default-profile.ts'
import { startHostileIdp } from '../../kit/hostile-idp.ts'
import { startUpstream } from '../../kit/upstream.ts'
import { page } from './browse.ts'
import { wireFetch } from './wire-fetch.ts'

const origin = 'https://app.test'

async function stand(t: TestLike, session = '') {
  const idp = await startHostileIdp(t)
  const api = await startUpstream(t, (req, res) => {
    const planted = ['__Host-bff_session=u', 'bff_session=u', '=__Host-bff_session=u', '__HOST-BFF_LOGIN=u; Path=/']
    if (req.url === '/plant') res.setHeader('set-cookie', ['theme=dark', ...planted])
    res.end(JSON.stringify(req.headers))
  })
  const { url } = await startBascule(t, {
    'settings.yaml': `
server: { public_url: "${origin}", trusted_proxies: [127.0.0.1] }
auth: { issuer: "${idp.issuer}", client_id: bff, client_secret: the-secret }
service_audiences: { api: "https://api.test" }
${session}
`,
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${api.url}" } }
routes: [{ id: api, path: "/api/*", target_service: api, upstream_path: "/{path}", auth: session, on_unauthenticated: login, forward_cookies: [theme, bff_other] }]
`,
  })
  return { url, api }
}

/** As the edge in front would hand it on. */
function edge(url: string, path: string, cookie?: string, more: Record<string, string> = {}) {
  const headers = { host: 'app.test', 'x-forwarded-proto': 'https', ...(cookie ? { cookie } : {}), ...more }
  return wireFetch(`${url}${path}`, { headers })
}

async function login(url: string): Promise<{ readonly cookie: string; readonly lines: readonly string[] }> {
  const begun = await edge(url, '/auth/login')
  const [handle = ''] = begun.headers.getSetCookie()
  const asked = await wireFetch(begun.headers.get('location') ?? '')
  const back = asked.headers.get('location') ?? ''
  t.ok(back.startsWith(`${origin}/auth/callback?`), 'redirect_uri is of public_url, not of the address asked')
  const done = await edge(url, back.slice(origin.length), handle.split(';')[0], page)
  const [session = ''] = done.headers.getSetCookie()
  return { cookie: session.split(';')[0] ?? '', lines: [handle, session] }
}

t.test('BBA-3, BBA-4, BBA-6, BCP-1: both cookies are Secure and cannot be planted from a neighbour', async (t) => {
  const { url } = await stand(t)
  const { cookie, lines } = await login(url)
  t.match(lines[0], /^__Host-bff_login=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=600$/)
  t.match(lines[1], /^__Host-bff_session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/)
  const [name = '', id = ''] = cookie.split('=')
  const status = async (sent: string) => (await edge(url, '/api/x', sent)).status
  t.equal(await status(cookie), 200)
  t.equal(await status(`bff_session=${'a'.repeat(43)}; ${cookie}`), 200, 'a planted plain one is nobody’s')
  for (const [what, sent] of [
    ['without the prefix', `bff_session=${id}`],
    ['in other letters', `__host-bff_session=${id}`],
    ['twice', `${cookie}; ${name}=${'a'.repeat(43)}`],
    ['quoted', `${name}="${id}"`],
    ['percent-encoded', `${name.replace('_', '%5F')}=${id}`],
    ['with more behind it', `${cookie}x`],
    ['behind a nameless one', `=${cookie}`],
  ] as const)
    t.equal(await status(sent), 401, what)
})

t.test('with a domain the session cookie has no prefix, and the login cookie keeps it', async (t) => {
  const { url } = await stand(t, 'session: { cookie: { domain: app.test, name: sid } }')
  const { lines } = await login(url)
  t.match(lines[0], /^__Host-bff_login=/)
  t.match(lines[1], /^sid=[\w-]{43}; Path=\/; Domain=app.test; HttpOnly; Secure; SameSite=Strict$/)
})

t.test('a backend neither sees our cookies nor plants them, whatever prefix they have', async (t) => {
  const { url } = await stand(t)
  const { cookie } = await login(url)
  const answer = await edge(url, '/api/plant', `theme=a; ${cookie}; bff_session=x; __Secure-bff_login=y; bff_other=z`)
  t.strictSame(answer.headers.getSetCookie(), ['theme=dark'])
  const seen = (await answer.json()) as Record<string, string>
  t.equal(seen.cookie, 'theme=a; bff_other=z')
  t.equal(seen['x-forwarded-proto'], 'https')
  t.equal(seen['x-original-user'], 'auth:account:127.0.0.1:ada')
})

t.test('who must sign in is sent to the public address', async (t) => {
  const { url } = await stand(t)
  const answer = await edge(url, '/api/a?b=//evil.test', undefined, page)
  t.equal(answer.status, 303)
  t.equal(answer.headers.get('location'), `${origin}/auth/login?return_to=%2Fapi%2Fa%3Fb%3D%2F%2Fevil.test`)
  t.strictSame(answer.headers.getSetCookie(), [], 'never a state cookie')
})
