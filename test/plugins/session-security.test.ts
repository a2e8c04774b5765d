// What reviews of such bridges look at first: each test is named after the demand or advisory that it holds.
import fc from 'fast-check'
import t from 'tap'
import { CookieJar } from '../kit/cookie-jar.ts'
import { rawClient } from '../kit/raw-client.ts'
import { ask, toCallback } from './endpoint/browse.ts'
import { stand } from './endpoint/stand.ts'
import { wireFetch } from './endpoint/wire-fetch.ts'

const routes = `
  - { id: open, path: "/open/*", target_service: api, upstream_path: "/{path}", auth: none }
`

/** All of an answer but what names the one request. */
async function shapeOf(answer: Response): Promise<unknown> {
  const { correlation_id, ...body } = (await answer.json()) as Record<string, unknown>
  const headers = [...answer.headers].filter(([name]) => name !== 'x-correlation-id' && name !== 'date')
  return { status: answer.status, headers, body, named: typeof correlation_id }
}

t.test('CVE-2026-40372: a cookie with any character changed opens nothing, and all such answers are one', async (t) => {
  const { api, url, login, status } = await stand(t)
  const cookie = await login()
  const [name = '', id = ''] = cookie.split('=')
  const dead = await shapeOf(await wireFetch(`${url}/api/x`, { headers: { cookie: `${name}=${'d'.repeat(43)}` } }))
  t.match(dead, { status: 401, body: { code: 'SESSION_REQUIRED' } })
  const before = api.requests.length
  const changed = [...id].map((char, at) => `${id.slice(0, at)}${char === 'A' ? 'B' : 'A'}${id.slice(at + 1)}`)
  const shapes = await Promise.all(
    changed.map(async (value) => shapeOf(await wireFetch(`${url}/api/x`, { headers: { cookie: `${name}=${value}` } }))),
  )
  for (const shape of shapes) t.strictSame(shape, dead)
  t.equal(api.requests.length, before)
  t.equal(await status(cookie), 200)
})

t.test('CVE-2023-28625, CVE-2024-24814: whatever stands in the cookie, it is 401 and never a fault', async (t) => {
  const { url, login } = await stand(t)
  const cookie = await login()
  const values = fc.oneof(
    fc.string({ unit: 'binary-ascii', maxLength: 200 }),
    fc.base64String({ maxLength: 100 }),
    fc.constantFrom(
      'x'.repeat(20_000),
      `${cookie.split('=')[1]}.`,
      `"${cookie.split('=')[1]}"`,
      '%00',
      '..',
      '__proto__',
    ),
  )
  const names = fc.constantFrom(
    'bff_session',
    'bff_session_chunks',
    'bff_session0',
    '__Host-bff_session',
    'BFF_SESSION',
  )
  const sendable = (text: string) => text.replace(/[^\x21-\x7e]|[;,]/g, '_')
  const pair = fc.tuple(names, values).map(([name, value]) => `${name}=${sendable(value)}`)
  await fc.assert(
    fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 5 }), async (pairs) => {
      const header = pairs.join('; ')
      const answer = await wireFetch(`${url}/api/x`, { headers: { cookie: header } })
      return answer.status === 401 || (header.length > 30_000 && answer.status === 431)
    }),
    { numRuns: 60 },
  )
  const huge = rawClient(t, url)
  huge.send(`GET /api/x HTTP/1.1\r\nHost: ${new URL(url).host}\r\nCookie: bff_session=${'x'.repeat(100_000)}\r\n\r\n`)
  const [answer] = await huge.answers(1)
  t.equal(answer?.status, 431, '100 kB are too much of a header, whatever they say')
})

t.test('CK-4: two session cookies with different values are an attack, in one line or in two', async (t) => {
  const { api, url, login } = await stand(t)
  const cookie = await login()
  const other = `bff_session=${'d'.repeat(43)}`
  const before = api.requests.length
  const host = `Host: ${new URL(url).host}`
  const lines = [[`${cookie}; ${other}`], [`${other}; ${cookie}`], [cookie, other], [other, `a=b; ${cookie}`]]
  for (const cookies of lines) {
    const client = rawClient(t, url)
    client.send(`GET /api/x HTTP/1.1\r\n${host}\r\n${cookies.map((line) => `Cookie: ${line}\r\n`).join('')}\r\n`)
    const [answer] = await client.answers(1)
    t.equal(answer?.status, 401)
    t.match(answer?.headers.get('set-cookie'), /^bff_session=; .*Max-Age=0/)
  }
  t.equal(api.requests.length, before)
})

t.test(
  'CK-6, CVE-2021-41246: the id changes with each login, and one that the client chose is never adopted',
  async (t) => {
    const { url, login, status } = await stand(t)
    const jar = new CookieJar()
    const first = await login(jar)
    const second = await login(jar)
    t.not(first, second)
    t.strictSame(await Promise.all([status(first), status(second)]), [401, 200])
    const planted = new CookieJar()
    planted.keep(url, new Headers({ 'set-cookie': `bff_session=${'e'.repeat(43)}; Path=/` }))
    t.not(await login(planted), `bff_session=${'e'.repeat(43)}`)
    t.equal(await status(`bff_session=${'e'.repeat(43)}`), 401)
  },
)

t.test('CVE-2026-34454: a dead cookie is taken away, also by the endpoints that only look', async (t) => {
  const { url } = await stand(t)
  for (const path of ['/api/x', '/auth/session', '/auth/verify']) {
    const answer = await wireFetch(url + path, { headers: { cookie: `bff_session=${'d'.repeat(43)}` } })
    t.match(answer.headers.getSetCookie(), [/^bff_session=; .*Max-Age=0$/], path)
    t.equal(answer.headers.get('cache-control'), 'no-store', 'said once')
  }
})

t.test('CVE-2022-29226: a client’s own Authorization signs nobody in, and goes nowhere', async (t) => {
  const { api, idp, url, login } = await stand(t)
  const token = await idp.sign({ iss: idp.issuer, sub: 'ada', aud: 'https://api.test', exp: 9_999_999_999 })
  const authorization = `Bearer ${token}`
  t.equal((await wireFetch(`${url}/api/x`, { headers: { authorization } })).status, 401)
  await wireFetch(`${url}/api/x`, { headers: { authorization, cookie: await login() } })
  t.equal(api.requests.length, 1)
  t.not(api.requests[0]?.headers.authorization, authorization)
})

t.test('BBA-7, BBA-17: who asks for the session gets identity and state, and no byte of a token', async (t) => {
  const { url, login } = await stand(t)
  const answer = await wireFetch(`${url}/auth/session`, { headers: { cookie: await login() } })
  t.match(answer.headers.get('cache-control'), 'no-store')
  const text = await answer.text()
  t.match(JSON.parse(text), { authenticated: true, user: { sub: 'ada' } })
  t.notMatch(text, /eyJ|refresh-1|nonce|secret/)
})

t.test('BBA-9, BBA-10: with csrf_header set every request of a session wants it, GET included', async (t) => {
  const { api, url, login } = await stand(t, { routes, settings: 'session: { csrf_header: X-CSRF }' })
  const cookie = await login()
  for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
    const answer = await wireFetch(`${url}/api/x`, { method, headers: { cookie, 'sec-fetch-site': 'same-origin' } })
    t.equal(answer.status, 403, method)
  }
  const sameSite = { cookie, 'x-csrf': '1', 'sec-fetch-site': 'same-site' }
  t.equal((await wireFetch(`${url}/api/x`, { method: 'POST', headers: sameSite })).status, 403, 'a neighbour')
  t.equal(api.requests.length, 0)
  t.equal((await wireFetch(`${url}/api/x`, { headers: { cookie, 'x-csrf': '1' } })).status, 200)
  t.equal(
    (await wireFetch(`${url}/open/x`, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } })).status,
    200,
  )
})

t.test('BBA-16: a session ends with its refresh token, where the identity provider says when that is', async (t) => {
  const { idp, login, status } = await stand(t)
  for (const said of [{ refresh_expires_in: 1 }, { refresh_token_expires_in: '1' }]) {
    idp.answer = said
    const cookie = await login()
    const until = Date.now() + 15_000
    let last = 200
    while (last === 200 && Date.now() < until) last = await status(cookie)
    t.equal(last, 401, JSON.stringify(said))
  }
  for (const said of [
    { refresh_expires_in: 0 },
    { refresh_expires_in: 1, refresh_token: undefined },
    { refresh_expires_in: 'soon' },
  ]) {
    idp.answer = said
    t.equal(await status(await login()), 200, JSON.stringify(said))
  }
})

t.test('BBA-15: auth: none asks no session store, whatever cookie comes', async (t) => {
  const { api, url } = await stand(t, {
    routes,
    settings: 'session: { store: ./away.ts }',
    files: { 'away.ts': awayStore },
  })
  const cookie = `bff_session=${'d'.repeat(43)}`
  t.equal((await wireFetch(`${url}/api/x`, { headers: { cookie } })).status, 503, 'the store is away')
  t.equal((await wireFetch(`${url}/open/x`, { headers: { cookie } })).status, 200)
  t.equal(api.requests[0]?.headers.cookie, undefined)
})

const awayStore = `
const away = async () => { throw Object.assign(new Error('away'), { code: 'STORE_UNAVAILABLE' }) }
export default {
  kind: 'session-store',
  name: 'away',
  open: () => ({ reach: 'cluster', get: away, put: away, touch: away, delete: away, take: away, lease: away, async *find() { await away() } }),
}
`

t.test('CVE-2017-1000069: a callback in a browser that began no login gives no session', async (t) => {
  const { url } = await stand(t)
  const callback = await toCallback(`${url}/auth/login`, new CookieJar())
  const victim = new CookieJar()
  t.equal((await ask(callback, victim)).status, 400)
  t.equal(victim.get('bff_session'), undefined)
})
