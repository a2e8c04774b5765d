import { Buffer } from 'node:buffer'
import { createHash, createHmac } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { freePort, startBascule, type TestLike } from '../../kit/bascule.ts'
import { CookieJar } from '../../kit/cookie-jar.ts'
import { profile } from '../../kit/default-profile.ts'
import { type Claims, startHostileIdp } from '../../kit/hostile-idp.ts'
import { startUpstream } from '../../kit/upstream.ts'
import { ask, toCallback } from './browse.ts'

const audience = 'https://api.test'
const secret = 'a client secret of the bridge'

async function stand(t: TestLike, auth = '') {
  const idp = await startHostileIdp(t)
  const port = await freePort()
  const api = await startUpstream(t, (_req, res) => res.end('reached'))
  const url = `http://127.0.0.1:${port}`
  const bff = await startBascule(
    t,
    {
      'settings.yaml': `
server: { port: ${port}, public_url: "${url}" }
auth: { issuer: "${idp.issuer}", client_id: bff, client_secret: "${secret}"${auth} }
service_audiences: { api: "${audience}" }
`,
      'profiles/audience-bridge.yaml': profile(),
      'routes.yaml': `
services: { api: { base_url: "${api.url}" } }
routes: [{ id: api, path: "/api/*", target_service: api, upstream_path: "/{path}", auth: session }]
`,
    },
    { port },
  )
  const login = async (jar = new CookieJar()) => {
    const answer = await ask(await toCallback(`${url}/auth/login`, jar), jar)
    return { jar, answer, signedIn: jar.get('bff_session') !== undefined }
  }
  return { idp, api, url, bff, login }
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('BCP-3, BCP-12: an ID token that is not for this login signs nobody in', async (t) => {
  const { idp, login } = await stand(t)
  const at = Math.floor(Date.now() / 1000)
  const cases: [string, Claims][] = [
    ["another login's nonce", { nonce: 'x'.repeat(43) }],
    ['no nonce', { nonce: undefined }],
    ['another issuer', { iss: 'https://evil.test' }],
    ['another audience', { aud: 'other' }],
    ['a list of audiences without us', { aud: ['other', 'more'] }],
    ['a list of audiences without azp', { aud: ['bff', 'other'] }],
    ['made out to another party', { aud: ['bff', 'other'], azp: 'other' }],
    ['made out to another party, for us alone', { azp: 'other' }],
    ['expired', { exp: at - 120 }],
    ['not valid yet', { nbf: at + 600 }],
    ['issued in the future', { iat: at + 600 }],
    ['no sub', { sub: undefined }],
    ['an empty sub', { sub: '' }],
    ['a sub that is no text', { sub: 7 }],
    ['a sub longer than OpenID allows', { sub: 'a'.repeat(256) }],
    ['a sub with half a character', { sub: 'ada\ud800' }],
    ["another access token's hash", { at_hash: 'A'.repeat(22) }],
    ['a hash that is no text', { at_hash: 7 }],
  ]
  for (const [what, claims] of cases) {
    idp.claims = claims
    const { answer, signedIn } = await login()
    t.equal(answer.status, 400, what)
    t.notOk(signedIn, what)
  }
  idp.claims = { iat: at + 30 }
  t.ok((await login()).signedIn, 'clocks may differ a little')
})

t.test('BCP-12, BCP-13: an ID token that the key set does not vouch for signs nobody in', async (t) => {
  const { idp, url, login } = await stand(t)
  const at = Math.floor(Date.now() / 1000)
  const forge = async (make: (claims: Claims) => string | Promise<string>) => {
    const jar = new CookieJar()
    const sent = new URL((await ask(`${url}/auth/login`, jar)).headers.get('location') ?? '')
    const callback = await toCallback(sent.href, jar)
    const nonce = sent.searchParams.get('nonce')
    const good = { iss: idp.issuer, sub: 'eve', aud: 'bff', exp: at + 300, iat: at, nonce }
    idp.answer = { id_token: await make(good) }
    const answer = await ask(callback, jar)
    idp.answer = {}
    return { answer, signedIn: jar.get('bff_session') !== undefined }
  }
  const forgeries: [string, (claims: Claims) => string | Promise<string>][] = [
    ['alg none', (claims) => `${part({ alg: 'none' })}.${part(claims)}.`],
    [
      'HMAC with the client secret',
      (claims) => {
        const body = `${part({ alg: 'HS256' })}.${part(claims)}`
        return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`
      },
    ],
    ['an unknown key', (claims) => idp.sign(claims, { kid: 'other' })],
    ['a broken signature', async (claims) => (await idp.sign(claims)).replace(/.{8}$/, 'AAAAAAAA')],
    ['no JWT', () => 'hello'],
    ['five parts', () => 'a.b.c.d.e'],
  ]
  for (const [what, make] of forgeries) {
    const { answer, signedIn } = await forge(make)
    t.ok(answer.status === 400 || answer.status === 503, `${what}: ${answer.status}`)
    t.notOk(signedIn, what)
  }
  t.ok((await forge((claims) => idp.sign(claims))).signedIn, 'nothing but the signature was wrong')
  t.ok((await login()).signedIn)
})

t.test('a refresh token that is said to end in no time has no end: Keycloak says so of offline ones', async (t) => {
  const { idp, url, login } = await stand(t)
  for (const name of ['refresh_expires_in', 'refresh_token_expires_in']) {
    idp.answer = { [name]: 0 }
    const { jar } = await login()
    const headers = { cookie: jar.header(url) ?? '' }
    t.match(await (await fetch(`${url}/auth/session`, { headers })).json(), { authenticated: true }, name)
  }
})

t.test('a token answer that is none signs nobody in, and none of its words get out', async (t) => {
  const { idp, bff, login } = await stand(t)
  const mark = 'eyJTHETOKEN'
  const say = (status: number, type: string, body: string) => (res: ServerResponse) =>
    res.writeHead(status, { 'content-type': type }).end(body)
  const cases: [string, (res: ServerResponse) => unknown][] = [
    ['a page', say(200, 'text/html', `<h1>${mark}</h1>`)],
    ['a form', say(200, 'application/x-www-form-urlencoded', `access_token=${mark}`)],
    ['JSON cut short', say(200, 'application/json', `"${mark}`)],
    ['bare text as JSON', say(200, 'application/json', mark)],
    ['a list', say(200, 'application/json', `["${mark}"]`)],
    ['no access token', say(200, 'application/json', `{"id_token":"${mark}"}`)],
    ['two MiB', say(200, 'application/json', `{"a":"${mark}${'x'.repeat(2 ** 21)}"}`)],
    ['a redirect', (res) => res.writeHead(307, { location: `${idp.issuer}/token` }).end(mark)],
    ['an empty 400', (res) => res.writeHead(400).end()],
  ]
  for (const [what, instead] of cases) {
    idp.instead = instead
    const { answer, signedIn } = await login()
    t.ok(answer.status === 400 || answer.status === 503, `${what}: ${answer.status}`)
    t.notOk(signedIn, what)
    t.notOk((await answer.text()).includes(mark), what)
  }
  t.notMatch(JSON.stringify(bff.lines), mark)
})

t.test('an identity provider that quotes the request does not get the code or the secret into the log', async (t) => {
  const { idp, bff, login } = await stand(t)
  idp.instead = (res) => {
    const form = idp.asked.at(-1)
    const words = `bad request: code ${form?.get('code')}, ${form?.get('code_verifier')}, ${secret}`
    res.writeHead(400, { 'content-type': 'application/json' })
    res.end(JSON.stringify({ error: 'invalid_grant', error_description: words }))
  }
  t.equal((await login()).answer.status, 400)
  const form = idp.asked.at(-1)
  const line = await bff.line(({ msg }) => msg === 'login_refused_by_idp')
  t.match(line.error, /^invalid_grant: bad request/)
  for (const word of [form?.get('code'), form?.get('code_verifier'), secret])
    t.notOk(JSON.stringify(bff.lines).includes(word ?? 'missing'))
})

t.test('an access token that is no Bearer token is not used as one', async (t) => {
  const { idp, login } = await stand(t)
  idp.answer = { token_type: 'DPoP' }
  t.equal((await login()).answer.status, 400)
})

t.test('a lifetime beyond all calendars breaks nothing', async (t) => {
  const { idp, api, url, login } = await stand(t)
  for (const [expires_in, exp] of [
    [1e300, undefined],
    [9e15, 9e15],
    ['9e15', 253402300799000],
    [300, 1e308],
  ]) {
    idp.answer = { expires_in }
    idp.access = { exp }
    const { jar } = await login()
    const call = await ask(`${url}/api/x`, jar)
    t.equal(call.status, 200, `${expires_in} ${exp}`)
    const status = await ask(`${url}/auth/session`, jar)
    t.equal(status.status, 200, `${expires_in} ${exp}`)
    t.match(await status.json(), { services: { api: { state: 'ready', expires_at: /^2\d{3}-/ } } })
  }
  t.ok(api.requests.length >= 4)
})

t.test('BCP-12: the hash of the access token beside it is taken', async (t) => {
  const { idp, login } = await stand(t)
  const access_token = await idp.sign({ aud: audience })
  idp.answer = { access_token }
  const half = createHash('sha256').update(access_token).digest().subarray(0, 16)
  idp.claims = { at_hash: half.toString('base64url') }
  t.ok((await login()).signedIn)
})

t.test('userinfo fills in what the ID token leaves out, for the same sub only', async (t) => {
  const { idp, url, login } = await stand(t, ', userinfo: true')
  idp.userinfo = { name: 'Ada Lovelace', email: 'info@example.com', groups: ['admin'] }
  idp.claims = { email: 'ada@example.com' }
  const { jar } = await login()
  t.match(await (await ask(`${url}/auth/session`, jar)).json(), {
    user: { sub: 'ada', name: 'Ada Lovelace', email: 'ada@example.com', groups: undefined },
  })
  for (const userinfo of [{ sub: 'eve' }, { sub: undefined }]) {
    idp.userinfo = userinfo
    const { answer, signedIn } = await login()
    t.equal(answer.status, 400, String(userinfo.sub))
    t.notOk(signedIn)
  }
})

t.test('max_age: a login of long ago is refused where a fresh one was asked for', async (t) => {
  const { idp, login } = await stand(t, ', authorize_params: { max_age: "60" }')
  const at = Math.floor(Date.now() / 1000)
  for (const [auth_time, good] of [
    [at - 3_600, false],
    [undefined, false],
    [at - 5, true],
  ] as const) {
    idp.claims = { auth_time }
    t.equal((await login()).signedIn, good, String(auth_time))
  }
})
