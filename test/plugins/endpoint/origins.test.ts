import t from 'tap'
import { page } from './browse.ts'
import { stand } from './stand.ts'
import { wireFetch } from './wire-fetch.ts'

const partners = 'https://partners.test'
const local = 'http://second.localhost:8080'

const { url, idp, api } = await stand(t, {
  server: `, public_urls: ["${partners}", "${local}/"]`,
  routes: '  - { id: ws, path: "/ws", target_service: api, upstream_path: "/", auth: session, websocket: true }',
  settings: 'cors: { allow_origins: ["https://spa.test"] }',
})

interface Asked {
  readonly method?: string
  readonly [header: string]: string | undefined
}

/** A handshake that needs no library: it is refused, or its answer does not matter. */
const handshake = {
  ...{ connection: 'Upgrade', upgrade: 'websocket' },
  ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
}

/** Over one socket's address, as the edge in front of all of these names would. */
function at(origin: string, path: string, { method = 'GET', ...headers }: Asked = {}): Promise<Response> {
  return wireFetch(url + path, {
    method,
    headers: { host: new URL(origin).host, ...(headers as Record<string, string>) },
  })
}

function cookieIn(answer: Response, name: string): string {
  const line = answer.headers.getSetCookie().find((one) => one.startsWith(`${name}=`))
  if (line === undefined) throw new Error(`no ${name} in ${answer.headers.getSetCookie()}`)
  return line
}

const pair = (line: string) => line.split(';', 1)[0]!

async function begin(origin: string, returnTo = '/') {
  const answer = await at(origin, `/auth/login?return_to=${encodeURIComponent(returnTo)}`, page)
  const prefix = origin.startsWith('https:') ? '__Host-' : ''
  const authorize = new URL(answer.headers.get('location') ?? '')
  const handle = cookieIn(answer, `${prefix}bff_login`)
  const sent = await wireFetch(authorize.href)
  const back = new URL(sent.headers.get('location') ?? '')
  return { authorize, handle, back, prefix }
}

async function login(origin: string, returnTo = '/') {
  const { handle, back, prefix } = await begin(origin, returnTo)
  const answer = await at(origin, back.pathname + back.search, { ...page, cookie: pair(handle) })
  return { answer, line: cookieIn(answer, `${prefix}bff_session`), body: await answer.text() }
}

t.test('each origin has its own redirect URI and its own cookies, named by its scheme', async (t) => {
  for (const origin of [url, partners, local]) {
    const { authorize, handle, back } = await begin(origin)
    t.equal(authorize.searchParams.get('redirect_uri'), `${origin}/auth/callback`)
    t.equal(back.origin, origin)
    t.equal(handle.includes('; Secure'), origin === partners, handle)
    const { line } = await login(origin)
    t.equal(line.startsWith('__Host-') && line.includes('; Secure'), origin === partners, line)
    const grant = idp.asked.findLast((form) => form.get('grant_type') === 'authorization_code')
    t.equal(grant?.get('redirect_uri'), `${origin}/auth/callback`, 'and at the token endpoint again')
  }
})

t.test('a session is good at its own origin; elsewhere it is as any made-up cookie', async (t) => {
  const session = pair((await login(url)).line)
  const value = session.split('=')[1]
  t.equal((await at(url, '/api/x', { cookie: session })).status, 200)
  const before = api.requests?.length
  const strip = async (answer: Response) => ({
    status: answer.status,
    cookies: answer.headers.getSetCookie(),
    problem: { ...((await answer.json()) as object), correlation_id: '' },
  })
  for (const [origin, name] of [
    [local, 'bff_session'],
    [partners, '__Host-bff_session'],
  ] as const) {
    const copied = await at(origin, '/api/x', { cookie: `${name}=${value}` })
    const madeUp = await at(origin, '/api/x', { cookie: `${name}=${'A'.repeat(43)}` })
    t.equal(copied.status, 401)
    t.strictSame(await strip(copied), await strip(madeUp))
    const told = await at(origin, '/auth/session', { cookie: `${name}=${value}` })
    t.match(await told.json(), { authenticated: false })
    t.equal((await at(origin, '/auth/verify', { cookie: `${name}=${value}` })).status, 401)
  }
  t.equal(api.requests?.length, before, 'nothing was sent on')
  t.equal((await at(url, '/api/x', { cookie: session })).status, 200, 'and at home it lives')
})

t.test('a login begun at one origin ends at no other, and is not spent there', async (t) => {
  const { handle, back } = await begin(url)
  const query = back.pathname + back.search
  const astray = await at(local, query, { ...page, cookie: pair(handle) })
  t.equal(astray.status, 400)
  t.strictSame(astray.headers.getSetCookie(), [])
  t.notMatch(await astray.text(), /refresh/, 'nor does the page send anybody on')
  t.equal((await at(url, query, { ...page, cookie: pair(handle) })).status, 200)
})

t.test('what changes something must come from the origin that was asked, not from another of ours', async (t) => {
  const cookie = pair((await login(partners)).line)
  const post = async (origin: string) =>
    (await at(partners, '/api/x', { method: 'POST', cookie, origin, 'sec-fetch-site': 'same-site' })).status
  t.equal(await post(partners), 200)
  t.equal(await post('https://spa.test'), 200, 'one of cors.allow_origins')
  t.equal(await post(url), 403)
  t.equal(await post(local), 403)
  const upgrade = async (origin: string) => (await at(partners, '/ws', { ...handshake, cookie, origin })).status
  t.not(await upgrade(partners), 403)
  t.equal(await upgrade(url), 403)
})

t.test('a logout comes back to its own origin, and ends nothing at another', async (t) => {
  const here = pair((await login(url)).line)
  const there = pair((await login(partners)).line)
  const answer = await at(partners, '/auth/logout', { method: 'POST', cookie: there, origin: partners })
  t.strictSame(await answer.json(), { logout_url: `${partners}/` })
  t.match(cookieIn(answer, '__Host-bff_session'), /Max-Age=0/)
  t.equal((await at(partners, '/api/x', { cookie: there })).status, 401)
  t.equal((await at(url, '/api/x', { cookie: here })).status, 200)
})

t.test('a login goes on to a page of its origin or of an allowed one, not to another of ours', async (t) => {
  const link = async (returnTo: string) => /href="([^"]*)"/.exec((await login(partners, returnTo)).body)?.[1]
  t.equal(await link('/a?b=1'), '/a?b=1')
  t.equal(await link(`${partners}/a`), '/a')
  t.equal(await link('https://spa.test/inbox#7'), 'https://spa.test/inbox#7')
  for (const away of [`${url}/a`, `${local}/a`, 'https://spa.test.evil.test/', 'https://spa.test@evil.test/'])
    t.equal(await link(away), '/', away)
})

t.test('a 401 names the login of the origin that was asked, and comes back to the page that asked', async (t) => {
  const loginUrl = async (origin: string, referer: string) =>
    ((await (await at(origin, '/api/x', { referer })).json()) as { login_url: string }).login_url
  t.equal(await loginUrl(partners, `${partners}/a`), `${partners}/auth/login?return_to=%2Fa`)
  t.equal(await loginUrl(partners, `${url}/a`), `${partners}/auth/login?return_to=%2F`)
  const spa = encodeURIComponent('https://spa.test/inbox')
  t.equal(await loginUrl(partners, 'https://spa.test/inbox'), `${partners}/auth/login?return_to=${spa}`)
})

t.test('a Host that is none of ours gets no session and no login', async (t) => {
  const cookie = pair((await login(url)).line)
  const { back, handle } = await begin(url)
  const port = new URL(url).port
  for (const stranger of [
    'evil.test',
    'partners.test.',
    'x.partners.test',
    `localhost:${port}`,
    'partners.test:8443',
  ]) {
    const here = `http://${stranger}`
    const host = { host: stranger, cookie }
    const refused = await at(here, '/api/x', { ...host, referer: `${here}/a` })
    t.equal(refused.status, 401, stranger)
    t.strictSame(refused.headers.getSetCookie(), [])
    t.match(await refused.json(), { code: 'SESSION_REQUIRED', login_url: `${url}/auth/login?return_to=%2F` })
    t.strictSame(await (await at(here, '/auth/session', host)).json(), { authenticated: false })
    t.equal((await at(here, '/auth/verify', host)).status, 401)
    for (const [path, more] of [
      ['/auth/login', page],
      [back.pathname + back.search, { ...page, cookie: pair(handle) }],
      ['/auth/logout', { method: 'POST' }],
    ] as const) {
      const answer = await at(here, path, { ...host, ...more })
      t.equal(answer.status, 400, path)
      t.match(await answer.json(), { code: 'BAD_REQUEST', reason: 'unknown_origin' })
      t.strictSame(answer.headers.getSetCookie(), [])
    }
  }
  t.equal((await at(url, '/api/x', { cookie })).status, 200)
  t.equal((await at(url, back.pathname + back.search, { ...page, cookie: pair(handle) })).status, 200)
})

t.test('a Host is ours in any case, and with the port that goes without saying', async (t) => {
  const cookie = pair((await login(partners)).line)
  for (const host of ['PARTNERS.test', 'partners.test:443'])
    t.equal((await at(partners, '/api/x', { host, cookie })).status, 200, host)
})

t.test('a forwarded host counts from a trusted proxy alone, and of several the nearest', async (t) => {
  const sessionAt = async (base: string, cookie: string, host: string) =>
    (
      (await (await wireFetch(`${base}/auth/session`, { headers: { cookie, 'x-forwarded-host': host } })).json()) as {
        authenticated: boolean
      }
    ).authenticated
  const cookie = pair((await login(url)).line)
  t.equal(await sessionAt(url, cookie, 'partners.test'), true, 'nobody is trusted: the Host decides')

  const behind = await stand(t, { idp, server: `, trusted_proxies: [127.0.0.1], public_urls: ["${partners}"]` })
  const own = await behind.login()
  t.equal(await sessionAt(behind.url, own, 'partners.test'), false)
  t.equal(await sessionAt(behind.url, own, `partners.test, ${new URL(behind.url).host}`), true)
  t.equal(await sessionAt(behind.url, own, `${new URL(behind.url).host}, evil.test`), false)
  const answer = await wireFetch(`${behind.url}/auth/login`, {
    headers: { ...page, 'x-forwarded-host': 'partners.test' },
  })
  t.match(answer.headers.get('location'), /redirect_uri=https%3A%2F%2Fpartners\.test%2Fauth%2Fcallback/)
  t.match(answer.headers.getSetCookie()[0], /^__Host-bff_login=/)
})
