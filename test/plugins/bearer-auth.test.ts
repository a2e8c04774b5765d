// RFC 6750, RFC 9068, RFC 7662: routes for clients that bring an access token of their own.
import { Buffer } from 'node:buffer'
import { createHmac } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { WebSocketServer } from 'ws'
import type { TestLike } from '../kit/bascule.ts'
import { type Claims, type HostileIdp, startHostileIdp } from '../kit/hostile-idp.ts'
import { rawClient } from '../kit/raw-client.ts'
import { openSocket } from '../kit/websocket.ts'
import { type StandOptions, stand } from './endpoint/stand.ts'
import { wireFetch } from './endpoint/wire-fetch.ts'

const routes = `
  - { id: own, path: "/own/*", target_service: api, upstream_path: "/{path}", auth: bearer }
  - { id: writers, path: "/write/*", target_service: api, upstream_path: "/{path}", auth: bearer, scopes: [api.read, api.write] }
`
const audience = 'https://api.test'
const at = () => Math.floor(Date.now() / 1000)

function start(t: TestLike, auth = '', more: StandOptions = {}) {
  return stand(t, { routes, auth: `bearer: { ${auth} }`, ...more })
}

function accessToken(idp: HostileIdp, claims: Claims = {}, header: Record<string, string> = { typ: 'at+jwt' }) {
  const usual = { iss: idp.issuer, sub: 'ada', aud: audience, exp: at() + 300, iat: at(), client_id: 'app' }
  return idp.sign({ ...usual, scope: 'api.read api.write', ...claims }, header)
}

const ask = (url: string, headers: Record<string, string> = {}, method = 'GET') => wireFetch(url, { method, headers })
const bearing = (token: string) => ({ authorization: `Bearer ${token}` })

t.test('a good access token goes on to the service as it is, without cookies, and with who it is', async (t) => {
  const { idp, api, url } = await start(t)
  const token = await accessToken(idp)
  const headers = { ...bearing(token), cookie: 'a=b; bff_session=x', 'x-original-user': 'auth:account:evil:root' }
  const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' }
  const answer = await ask(`${url}/own/x`, { ...headers, ...crossSite }, 'POST')
  t.equal(answer.status, 200, 'a token in a header is no cookie: no page of another site can send it along')
  const [got] = api.requests
  t.equal(got?.headers.authorization, `Bearer ${token}`)
  t.equal(got?.headers.cookie, undefined)
  t.equal(got?.headers['x-original-user'], 'auth:account:127.0.0.1:ada')
  t.equal((await ask(`${url}/write/x`, bearing(token))).status, 200)
})

t.test('a client that speaks for itself is no user', async (t) => {
  const { idp, api, url } = await start(t)
  await ask(`${url}/own/x`, bearing(await accessToken(idp, { sub: 'app' })))
  t.equal(api.requests.length, 1)
  t.equal(api.requests[0]?.headers['x-original-user'], undefined)
})

t.test('without a token, or with a session’s cookie alone, it is 401 that asks for one', async (t) => {
  const { api, url, login } = await start(t)
  const cookie = await login()
  const before = api.requests.length
  for (const headers of [{}, { cookie }, { authorization: 'Basic YTpi' }, { cookie, authorization: 'Session x' }]) {
    const answer = await ask(`${url}/own/x?access_token=x`, headers as Record<string, string>)
    t.equal(answer.status, 401)
    t.equal(answer.headers.get('www-authenticate'), 'Bearer', 'one challenge, and no error (RFC 6750 section 3.1)')
    t.match(await answer.json(), { code: 'TOKEN_REQUIRED' })
    t.strictSame(answer.headers.getSetCookie(), [])
  }
  t.equal(api.requests.length, before)
})

t.test('what is no access token of this issuer for this service is refused', async (t) => {
  const { idp, api, url } = await start(t)
  const foreign = await generateKeyPair('RS256')
  const claims = { iss: idp.issuer, sub: 'ada', aud: audience, exp: at() + 300, iat: at() }
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const hmac = `${part({ alg: 'HS256', typ: 'at+jwt' })}.${part(claims)}`
  const good = await accessToken(idp)
  const [head, body, signature] = good.split('.')
  const cases: [string, string][] = [
    ['alg none', `${part({ alg: 'none', typ: 'at+jwt' })}.${part(claims)}.`],
    [
      'an HMAC with the client secret',
      `${hmac}.${createHmac('sha256', 'a client secret of the bridge').update(hmac).digest('base64url')}`,
    ],
    [
      'the key of somebody else',
      await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k', typ: 'at+jwt' }).sign(foreign.privateKey),
    ],
    [
      'an unknown kid',
      await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'z', typ: 'at+jwt' }).sign(foreign.privateKey),
    ],
    ['changed claims', `${head}.${part({ ...claims, sub: 'root' })}.${signature}`],
    ['no signature', `${head}.${body}.`],
    ['another issuer', await accessToken(idp, { iss: 'https://evil.test' })],
    ['another audience', await accessToken(idp, { aud: 'https://other.test' })],
    ['an audience that begins alike', await accessToken(idp, { aud: `${audience}.evil.test` })],
    ['no audience', await accessToken(idp, { aud: undefined })],
    ['expired', await accessToken(idp, { exp: at() - 120 })],
    ['no end', await accessToken(idp, { exp: undefined })],
    ['not valid yet', await accessToken(idp, { nbf: at() + 600 })],
    ['an ID token', await accessToken(idp, { nonce: 'n' }, { typ: 'JWT' })],
    ['a logout token', await accessToken(idp, {}, { typ: 'logout+jwt' })],
    ['no typ', await accessToken(idp, {}, {})],
    ['a DPoP-bound token', await accessToken(idp, { cnf: { jkt: 'x' } })],
    ['a certificate-bound token', await accessToken(idp, { cnf: { 'x5t#S256': 'x' } })],
    ['a sub that is no text', await accessToken(idp, { sub: ['ada'] })],
    ['an opaque one', 'abc.def'],
    ['nothing like a token', 'x'],
  ]
  for (const [what, token] of cases) {
    const answer = await ask(`${url}/own/x`, bearing(token))
    t.equal(answer.status, 401, what)
    t.match(answer.headers.get('www-authenticate'), /^Bearer error="invalid_token", error_description="[^"]+"$/, what)
    t.match(await answer.json(), { code: 'INVALID_TOKEN' }, what)
  }
  t.equal(api.requests.length, 0)
  t.equal((await ask(`${url}/own/x`, bearing(good))).status, 200)
})

t.test('where a route may send to several services, the token must be for all of them', async (t) => {
  const { idp, api, url, bff, settingsWith } = await start(t)
  const settings = settingsWith('').replace('service_audiences: {', 'service_audiences: { more: "https://more.test",')
  const split = `services: { api: { base_url: "${api.url}" }, more: { base_url: "${api.url}" } }
routes:
  - { id: own, path: "/own/*", target_service: api, other_services: [more], upstream_path: "/{path}", auth: bearer }
`
  t.equal(await bff.reload({ 'settings.yaml': settings, 'routes.yaml': split }), true)
  const status = async (aud: string | string[]) =>
    (await ask(`${url}/own/x`, bearing(await accessToken(idp, { aud })))).status
  t.equal(await status(audience), 401)
  t.equal(await status('https://more.test'), 401)
  t.equal(await status([audience, 'https://more.test']), 200)
})

t.test('a request with two tokens, or half a one, is nobody’s', async (t) => {
  const { idp, api, url } = await start(t)
  const token = await accessToken(idp)
  const two = rawClient(t, url)
  two.send(`GET /own/x HTTP/1.1\r\nHost: ${new URL(url).host}\r\n`)
  two.send(`Authorization: Bearer ${token}\r\nAuthorization: Bearer x\r\n\r\n`)
  const [refused] = await two.answers(1)
  t.equal(refused?.status, 400)
  t.match(refused?.headers.get('www-authenticate'), 'Bearer error="invalid_request"')
  for (const authorization of [
    'Bearer',
    'Bearer ',
    `Bearer ${token} x`,
    `Bearer ${token}, Bearer x`,
    'Bearer "x"',
    `Bearer ${'x'.repeat(20_000)}`,
  ])
    t.equal((await ask(`${url}/own/x`, { authorization })).status, 400, authorization.slice(0, 20))
  t.equal((await ask(`${url}/own/x`, { authorization: `bearer ${token}` })).status, 200, 'the scheme has no case')
  t.equal(api.requests.length, 1)
})

t.test('a token that lacks a scope of the route is 403 insufficient_scope', async (t) => {
  const { idp, url } = await start(t)
  const answer = await ask(`${url}/write/x`, bearing(await accessToken(idp, { scope: 'api.read' })))
  t.equal(answer.status, 403)
  t.match(answer.headers.get('www-authenticate'), /^Bearer error="insufficient_scope", .*scope="api.read api.write"$/)
  t.match(await answer.json(), { code: 'INSUFFICIENT_SCOPE' })
  const listed = await accessToken(idp, { scope: undefined, scp: ['api.read', 'api.write'] })
  t.equal((await ask(`${url}/write/x`, bearing(listed))).status, 200, 'Okta and Entra say scp')
})

t.test('typ: jwt takes issuers that name no type, and still no ID token', async (t) => {
  const { idp, url } = await start(t, 'typ: jwt')
  t.equal((await ask(`${url}/own/x`, bearing(await accessToken(idp, {}, { typ: 'JWT' })))).status, 200)
  t.equal((await ask(`${url}/own/x`, bearing(await accessToken(idp, {}, {})))).status, 200)
  t.equal((await ask(`${url}/own/x`, bearing(await accessToken(idp, { nonce: 'n' }, {})))).status, 401)
  t.equal((await ask(`${url}/own/x`, bearing(await accessToken(idp, {}, { typ: 'logout+jwt' })))).status, 401)
})

t.test('an opaque token is asked about once, and what the issuer said is kept for a while', async (t) => {
  const { idp, api, url } = await start(t, 'introspection: opaque')
  const good = { active: true, iss: idp.issuer, sub: 'ada', aud: [audience], exp: at() + 300, scope: 'api.read' }
  const status = async (token: string) => (await ask(`${url}/own/x`, bearing(token))).status
  idp.introspected = good
  t.strictSame(await Promise.all([status('opaque-1'), status('opaque-1'), status('opaque-1')]), [200, 200, 200])
  t.strictSame(idp.introspections, ['opaque-1'])
  t.equal(api.requests[0]?.headers['x-original-user'], 'auth:account:127.0.0.1:ada')
  const refused: Claims[] = [
    { active: false },
    { ...good, iss: 'https://evil.test' },
    { ...good, aud: 'https://other.test' },
    { ...good, aud: undefined },
    { ...good, exp: at() - 10 },
    { ...good, token_type: 'refresh_token' },
    { ...good, cnf: { jkt: 'x' } },
  ]
  for (const [i, said] of refused.entries()) {
    idp.introspected = said
    t.equal(await status(`opaque-bad-${i}`), 401, JSON.stringify(said))
  }
  const asked = idp.introspections.length
  t.equal(await status('opaque-bad-0'), 401)
  t.equal(idp.introspections.length, asked, 'a no is kept, too')
  idp.introspected = { ...good, active: 'true' }
  t.equal(await status('opaque-3'), 503, 'an answer that is none')
  idp.introspected = undefined
  t.equal(await status('opaque-2'), 503, 'an issuer that is away has not said no')
  t.equal(await status('opaque-1'), 200)
})

t.test('introspection: always asks about JWTs, too', async (t) => {
  const { idp, url } = await start(t, 'introspection: always')
  idp.introspected = { active: false }
  t.equal((await ask(`${url}/own/x`, bearing(await accessToken(idp)))).status, 401)
  idp.introspected = { active: true, iss: idp.issuer, aud: audience, exp: at() + 300 }
  t.equal((await ask(`${url}/own/x`, bearing(await accessToken(idp, { jti: '2' })))).status, 200)
})

t.test('a token is good no longer than it says, whatever is kept of it', async (t) => {
  const { idp, url } = await start(t)
  const token = await accessToken(idp, { exp: at() - 28 })
  t.equal((await ask(`${url}/own/x`, bearing(token))).status, 200, 'two clocks differ')
  const until = Date.now() + 15_000
  let status = 200
  while (status === 200 && Date.now() < until) status = (await ask(`${url}/own/x`, bearing(token))).status
  t.equal(status, 401)
})

/** With as short a life, in seconds, as this machine has the time to use. */
async function opened<T>(open: (life: number) => Promise<T>): Promise<T> {
  for (const life of [2, 5, 15]) {
    try {
      return await open(life)
    } catch {}
  }
  return open(60)
}

t.test('what is open ends with the token that it was opened with', async (t) => {
  const live =
    '  - { id: live, path: "/live/*", target_service: api, upstream_path: "/{path}", auth: bearer, websocket: true, streaming: true }'
  const { idp, api, url } = await start(t, '', { routes: live })
  const sockets = new WebSocketServer({ server: api.server })
  t.teardown(() => sockets.close())
  api.server.removeAllListeners('request')
  api.server.on('request', (_req, res) =>
    res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n'),
  )
  const long = bearing(await accessToken(idp))
  const { socket, message } = await openSocket(t, `${url}/live/x`, { headers: long })
  const { events, closed } = await opened(async (life) => {
    const short = bearing(await accessToken(idp, { exp: at() - 30 + life }))
    const events = await fetch(`${url}/live/x`, { headers: short })
    return { events, ...(await openSocket(t, `${url}/live/x`, { headers: short })) }
  })
  t.match(await events.text(), /^data: 1\n\nevent: token-ended\ndata: \{"code":"INVALID_TOKEN".*\n\n$/)
  t.match(await closed, { code: 4401 })
  for (const each of sockets.clients) each.send('still here')
  t.equal(await message(), 'still here')
  socket.close()
})

t.test('an issuer of its own gets no credentials of ours, and need not know our ways', async (t) => {
  const other = await startHostileIdp(t)
  // What auth.dpop and a private_key_jwt could not work with.
  other.metadata = {
    dpop_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_signing_alg_values_supported: [],
  }
  const { idp, url } = await stand(t, { routes, auth: `dpop: true, bearer: { issuer: "${other.issuer}" }` })
  t.equal((await ask(`${url}/own/x`, bearing(await accessToken(other)))).status, 200)
  t.equal((await ask(`${url}/own/x`, bearing(await accessToken(idp)))).status, 401)
  t.equal(other.asked.length, 0)
})

t.test('keys that cannot be had are 503, and nobody is told that his token is bad', async (t) => {
  const { idp, url } = await start(t)
  idp.keysAway = true
  const token = await accessToken(idp)
  const answer = await ask(`${url}/own/x`, bearing(token))
  t.equal(answer.status, 503)
  t.ok(answer.headers.has('retry-after'))
  t.match(await answer.json(), { code: 'IDP_UNAVAILABLE' })
})

t.test('a page of an allowed origin can read the 401 and asks before', async (t) => {
  const origin = 'http://127.0.0.1:3000'
  const { url } = await start(t, '', { settings: `cors: { allow_origins: ["${origin}"] }` })
  const refused = await ask(`${url}/own/x`, { origin })
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('access-control-allow-origin'), origin)
  const preflight = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  }
  const allowed = await ask(`${url}/own/x`, preflight, 'OPTIONS')
  t.equal(allowed.status, 204)
  t.match(allowed.headers.get('access-control-allow-headers'), /, Authorization$/)
})
