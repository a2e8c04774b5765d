import t from 'tap'
import { startAuth } from './endpoint/auth-kit.ts'
import { wireFetch } from './endpoint/wire-fetch.ts'

const page = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

t.test('without a session a request is 401 with the way to the login, and no cookie', async (t) => {
  const kit = await startAuth(t)
  const answer = await wireFetch(`${kit.url}/api/crud/x`, { headers: { ...page } })
  t.equal(answer.status, 401)
  t.match(await answer.json(), {
    code: 'SESSION_REQUIRED',
    login_url: `${kit.url}/auth/login?return_to=%2Fapi%2Fcrud%2Fx`,
  })
  t.strictSame(answer.headers.getSetCookie(), [])
  t.match(answer.headers.get('www-authenticate'), /^(?!Basic)/)
  t.equal(kit.crud.requests.length, 0)
})

t.test('a cookie that opens nothing is 401 and is taken away', async (t) => {
  const kit = await startAuth(t)
  for (const value of ['x', 'd'.repeat(43), '', '%00', 'e'.repeat(5000)]) {
    const answer = await wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie: `bff_session=${value}` } })
    t.equal(answer.status, 401)
    t.match(answer.headers.getSetCookie()[0], /^bff_session=;.*Max-Age=0/)
  }
})

t.test('two session cookies in one request are an attack', async (t) => {
  const kit = await startAuth(t)
  const { cookie } = await kit.login()
  const answer = await wireFetch(`${kit.url}/api/crud/x`, {
    headers: { cookie: `${cookie}; bff_session=${'d'.repeat(43)}` },
  })
  t.equal(answer.status, 401)
})

t.test('on_unauthenticated: login redirects who opens a page, and nobody else', async (t) => {
  const kit = await startAuth(t, { analyticsRoute: ', on_unauthenticated: login' })
  const ask = (headers: Record<string, string>, method = 'GET') =>
    wireFetch(`${kit.url}/api/v1/analytics/x?a=1`, { method, headers })
  const opened = await ask(page)
  t.equal(opened.status, 303)
  t.equal(opened.headers.get('location'), `${kit.url}/auth/login?return_to=%2Fapi%2Fv1%2Fanalytics%2Fx%3Fa%3D1`)
  t.equal(opened.headers.get('cache-control'), 'no-store')
  t.strictSame(opened.headers.getSetCookie(), [], 'never a state cookie')
  t.equal((await ask({ accept: 'text/html' })).status, 303, 'an old browser')
  t.equal((await ask({ ...page, 'sec-fetch-dest': 'empty' })).status, 303, 'a page that a service worker passes on')
  t.equal((await ask({ accept: 'text/html', 'sec-fetch-mode': 'cors' })).status, 401, 'a fetch')
  t.equal((await ask({ ...page, 'sec-fetch-dest': 'iframe' })).status, 401, 'a frame')
  t.equal((await ask({ accept: '*/*' })).status, 401, 'curl')
  t.equal((await ask(page, 'POST')).status, 401, 'a form, whose body a redirect would lose')
})

t.test('what another site sends is refused before it gets anywhere', async (t) => {
  const kit = await startAuth(t)
  const { cookie } = await kit.login()
  const own = kit.url
  const cases: [number, string, Record<string, string>][] = [
    [200, 'POST', {}],
    [200, 'POST', { 'sec-fetch-site': 'same-origin' }],
    [200, 'POST', { 'sec-fetch-site': 'none' }],
    [200, 'POST', { origin: own }],
    [403, 'POST', { 'sec-fetch-site': 'same-site' }],
    [403, 'POST', { 'sec-fetch-site': 'cross-site' }],
    [403, 'DELETE', { 'sec-fetch-site': 'cross-site' }],
    [403, 'POST', { origin: 'null' }],
    [403, 'POST', { origin: `${own}.evil.test` }],
    [403, 'POST', { origin: 'https://evil.test', 'x-http-method-override': 'GET' }],
    [200, 'GET', { 'sec-fetch-site': 'cross-site' }],
  ]
  for (const [status, method, headers] of cases) {
    const answer = await wireFetch(`${kit.url}/api/crud/x`, { method, headers: { ...headers, cookie } })
    t.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`)
  }
  t.equal(kit.crud.requests.length, 5)
})

t.test('csrf_header is demanded of every request of a session route, not of the login', async (t) => {
  const kit = await startAuth(t, { session: 'session: { csrf_header: X-CSRF }' })
  const { cookie } = await kit.login()
  t.equal((await wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie } })).status, 403)
  t.equal((await wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie, 'x-csrf': '1' } })).status, 200)
})

t.test('sessions outlive a reload', async (t) => {
  const kit = await startAuth(t)
  const { cookie } = await kit.login()
  await kit.bff.server.reload()
  t.equal((await wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie } })).status, 200)
})
