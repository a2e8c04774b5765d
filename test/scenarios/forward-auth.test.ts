// timeout: 120s
// docs/forward-auth.md: its nginx block, in a real nginx; its Traefik block, as the requests that Traefik would send.
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { blocksOf, readPage } from '../docs/blocks.ts'
import { startBackend } from '../kit/backend.ts'
import { freePort, startBascule } from '../kit/bascule.ts'
import { bridgeFiles } from '../kit/bridge.ts'
import { noNginx, startNginx } from '../kit/edge-nginx.ts'
import { loginByFetch } from '../kit/login.ts'
import { loopbackStore } from '../kit/loopback-store.ts'
import { startStoreServer } from '../kit/store-server.ts'
import { analyticsAudience, startStrictIdp } from '../kit/strict-idp.ts'
import { startUpstream } from '../kit/upstream.ts'
import { wireFetch } from '../plugins/endpoint/wire-fetch.ts'

const blocks = blocksOf(readPage('docs/forward-auth.md'))
const block = (title: string) => blocks.find(({ info }) => info === `title=${title}`)!.text
const navigation = { 'sec-fetch-mode': 'navigate', accept: 'text/html' }

/** A bridge that is known by another port, that of the edge. */
async function startBehindEdge(t: Test, { trusted = ['127.0.0.1'], user = 'ada' } = {}) {
  const edgePort = await freePort()
  const [idp, store] = await Promise.all([startStrictIdp({ user }), startStoreServer()])
  const analytics = await startBackend({ issuer: idp.issuer, audience: analyticsAudience })
  t.teardown(() => Promise.all([idp.close(), store.close(), analytics.close()]))
  const { files, session } = loopbackStore(store.port, 'edge')
  const peers = { idp, analytics, crud: analytics, port: edgePort }
  const all = bridgeFiles(peers, { settings: session, files: () => files })
  const server = `port: 0, admin_port: 0, trusted_proxies: ${JSON.stringify(trusted)}`
  const bascule = await startBascule(t, {
    ...all,
    'settings.yaml': all['settings.yaml']!.replace(`port: ${edgePort}`, server),
  })
  return { idp, store, bascule, edgePort, origin: `http://localhost:${edgePort}` }
}

t.test('nginx as the page configures it', { skip: noNginx }, async (t) => {
  const { idp, store, bascule, edgePort, origin } = await startBehindEdge(t)
  const reports = await startUpstream(t, (req, res) => {
    res.writeHead(req.url === '/reports/broken' ? 500 : 200, { 'content-type': 'application/json' })
    res.end(JSON.stringify({ url: req.url, headers: req.headers }))
  })
  const conf = block('nginx.conf')
    .replace('listen 80;', `listen 127.0.0.1:${edgePort};`)
    .replace('127.0.0.1:8080', new URL(bascule.url).host)
    .replace('127.0.0.1:3000', new URL(reports.url).host)
  await startNginx(t, conf, edgePort)
  const ask = (path: string, init: { readonly headers?: Record<string, string> } = {}) => wireFetch(origin + path, init)

  await t.test(
    'a script without a session gets 401 and the login, a person is sent there and comes back',
    async (t) => {
      const script = await ask('/reports/x')
      t.equal(script.status, 401)
      t.match(await script.json(), { code: 'SESSION_REQUIRED', login_url: `${origin}/auth/login?return_to=%2F` })
      const person = await ask('/reports/x?a=1&b=%26', { headers: navigation })
      t.equal(person.status, 303)
      t.equal(person.headers.get('location'), `${origin}/auth/login?return_to=%2Freports%2Fx%3Fa%3D1%26b%3D%2526`)
      t.equal(reports.requests.length, 0)
    },
  )

  const ada = await loginByFetch(origin)
  await t.test("the application learns who it is from the bridge, never from the client's headers", async (t) => {
    const headers = { 'x-user-id': 'root', x_user_id: 'root', 'x-session-id': 'mine', 'x-auth-time': '1' }
    const answer = await ada.fetch('/reports/x?q=%2F', { headers })
    t.equal(answer.status, 200)
    const seen = (await answer.json()) as { url: string; headers: Record<string, string> }
    t.equal(seen.url, '/reports/x?q=%2F')
    t.match(seen.headers, { 'x-user-id': 'ada', 'x-session-id': /^[\w-]{16}$/, 'x-auth-time': /^\d{10}$/ })
    t.notOk(seen.headers.x_user_id)
    t.notOk(seen.headers.cookie, 'nor does it get the session')
    t.notMatch(JSON.stringify(seen), /root|mine/)
    t.equal((await ask('/reports/x', { headers })).status, 401, 'nor does a client become somebody by them')
  })

  await t.test("methods are the request's own: another site's post is refused, ours passes", async (t) => {
    const post = (site: string) =>
      ada.fetch('/reports/x', { method: 'POST', body: 'a=1', headers: { 'sec-fetch-site': site } })
    t.equal((await post('cross-site')).status, 403)
    t.equal((await post('same-site')).status, 403)
    t.equal((await post('same-origin')).status, 200)
    const handshake = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-fetch-site': 'same-site' }
    t.equal((await ada.fetch('/reports/x', { headers: { ...handshake, origin: 'http://evil.test' } })).status, 403)
  })

  await t.test('nobody reaches the question itself from outside, and the bridge answers beside it', async (t) => {
    t.equal((await ada.fetch('/_verify')).status, 404)
    t.equal((await ada.fetch('/api/v1/analytics/x')).status, 200)
    t.equal((await ada.fetch('/reports/broken')).status, 500, "the application's own 500 stays")
  })

  await t.test('an identity provider that is away changes nothing', async (t) => {
    idp.intercept = (_, res) => {
      res.writeHead(503).end()
      return true
    }
    t.equal((await ada.fetch('/reports/x')).status, 200)
    idp.intercept = undefined
  })

  await t.test('a store that is away is 503, never 401; afterwards all is well', async (t) => {
    store.before = () => false
    const answers = [
      await ada.fetch('/reports/x'),
      await fetch(`${bascule.url}/auth/verify`, { headers: { cookie: ada.cookie } }),
    ]
    for (const away of answers) {
      t.equal(away.status, 503)
      t.equal(away.headers.get('retry-after'), '1')
      t.match(await away.json(), { code: 'STORE_UNAVAILABLE' })
      t.strictSame(away.headers.getSetCookie(), [])
    }
    store.before = undefined
    t.equal((await ada.fetch('/reports/x')).status, 200)
  })

  await t.test('after the logout it is 401', async (t) => {
    await ada.fetch('/auth/logout', { method: 'POST', headers: { origin } })
    t.equal((await ask('/reports/x', { headers: { cookie: ada.cookie } })).status, 401)
  })
})

interface Traefik {
  readonly http: {
    readonly middlewares: {
      readonly session: { readonly forwardAuth: { readonly address: string; readonly authResponseHeaders: string[] } }
    }
  }
}

t.test('Traefik as the page configures it', async (t) => {
  const { address, authResponseHeaders } = (parse(block('traefik.yaml')) as Traefik).http.middlewares.session
    .forwardAuth
  const { pathname } = new URL(address)
  const forwarded = {
    'x-forwarded-method': 'GET',
    'x-forwarded-proto': 'http',
    'x-forwarded-uri': '/reports/x?a=1',
  }

  await t.test('what a trusted one says of the request is believed', async (t) => {
    const { bascule, origin, edgePort } = await startBehindEdge(t)
    const ask = (headers: Record<string, string>) =>
      wireFetch(bascule.url + pathname, {
        headers: { ...forwarded, 'x-forwarded-host': `localhost:${edgePort}`, ...headers },
      })
    const refused = await ask(navigation)
    t.equal(refused.status, 401)
    const wanted = `${origin}/auth/login?return_to=%2Freports%2Fx%3Fa%3D1`
    t.match(await refused.json(), { login_url: wanted })
    t.equal(refused.headers.get('location'), wanted)
    const elsewhere = await ask({ ...navigation, 'x-forwarded-host': 'evil.test' })
    t.match(await elsewhere.json(), { login_url: `${origin}/auth/login?return_to=%2F` })
    const dead = await ask({ cookie: `bff_session=${'d'.repeat(43)}` })
    t.equal(dead.status, 401)
    t.match(dead.headers.getSetCookie()[0], /Max-Age=0/, 'a dead cookie is taken away')
    for (const method of ['POST', 'DELETE', 'BREW'])
      t.equal((await ask({ 'x-forwarded-method': method, 'sec-fetch-site': 'cross-site' })).status, 403, method)
  })

  await t.test('what anybody else says is not', async (t) => {
    const { bascule, origin } = await startBehindEdge(t, { trusted: ['192.0.2.1'] })
    const headers = { ...forwarded, ...navigation, 'x-forwarded-host': new URL(origin).host, 'x-user-id': 'root' }
    const refused = await wireFetch(`${bascule.url}${pathname}`, { headers })
    t.equal(refused.status, 401)
    const { login_url } = (await refused.json()) as { login_url: string }
    t.notMatch(login_url, /reports/)
    t.notOk(refused.headers.get('x-user-id'))
  })

  t.same(authResponseHeaders, ['X-User-ID', 'X-Session-ID', 'X-Auth-Time'])
})
