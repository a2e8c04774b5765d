// OpenID Connect Back-Channel Logout 1.0: every line of its section 2.6, and what an attacker would send instead.
import { Buffer } from 'node:buffer'
import { createHmac } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import type { Claims, HostileIdp } from '../../kit/hostile-idp.ts'
import { stand } from './stand.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
const at = () => Math.floor(Date.now() / 1000)

function usual(idp: HostileIdp, more: Claims = {}): Claims {
  return {
    ...{ iss: idp.issuer, aud: 'bff', iat: at(), exp: at() + 120, jti: crypto.randomUUID(), sid: 's1', sub: 'ada' },
    events: { [event]: {} },
    ...more,
  }
}

const logoutType = { typ: 'logout+jwt' }

function post(url: string, body: string | URLSearchParams, headers: Record<string, string> = {}) {
  return fetch(`${url}/auth/backchannel-logout`, { method: 'POST', body, headers })
}

const form = (token: string) => new URLSearchParams({ logout_token: token })

t.test(
  'BC-1, BC-8, BC-9, BC-10: a logout token ends the session of its sid, without cookie or CSRF header',
  async (t) => {
    const { idp, url, login, status } = await stand(t, { settings: 'session: { csrf_header: X-CSRF }' })
    idp.claims = { sid: 's1' }
    const ended = await login()
    idp.claims = { sid: 's2' }
    const kept = await login()
    const read = async (cookie: string) =>
      ((await (await fetch(`${url}/auth/session`, { headers: { cookie } })).json()) as { authenticated: boolean })
        .authenticated
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://idp.test' }
    const answer = await post(url, form(await idp.sign(usual(idp), logoutType)), headers)
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.equal(await answer.text(), '')
    t.strictSame([await read(ended), await read(kept)], [false, true])
    t.equal(await status(ended), 403, 'its header is still wanted first')
  },
)

t.test('BC-4, BC-8: by sub alone it ends all sessions of that user, and nobody else’s', async (t) => {
  const { idp, url, login, status } = await stand(t)
  idp.claims = { sid: 's1' }
  const first = await login()
  idp.claims = {}
  const second = await login()
  idp.claims = { sub: 'bob', sid: 's3' }
  const bob = await login()
  const all = () => Promise.all([first, second, bob].map((cookie) => status(cookie)))
  t.strictSame(await all(), [200, 200, 200])
  const told = async (claims: Claims) => (await post(url, form(await idp.sign(usual(idp, claims))))).status
  t.equal(await told({ sid: 's1', sub: 'bob' }), 200)
  t.equal(await told({ sid: 's9' }), 200, 'a session that is not known here is over already')
  t.strictSame(await all(), [200, 200, 200], 'a sid of one user and the sub of another name no session')
  t.equal(await told({ sid: undefined }), 200)
  t.strictSame(await all(), [401, 401, 200])
})

t.test('what is no logout token of this issuer for this client ends nothing', async (t) => {
  const { idp, url, login, status } = await stand(t)
  idp.claims = { sid: 's1' }
  const cookie = await login()
  const foreign = await generateKeyPair('RS256')
  const signedBy = (header: { alg: string; [name: string]: unknown }, key = foreign.privateKey) =>
    new SignJWT({ ...usual(idp) }).setProtectedHeader(header).sign(key)
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const unsigned = `${part({ alg: 'none' })}.${part(usual(idp))}`
  const hmac = `${part({ alg: 'HS256' })}.${part(usual(idp))}`
  const mac = createHmac('sha256', 'a client secret of the bridge').update(hmac).digest('base64url')
  const good = await idp.sign(usual(idp), logoutType)
  const made = (claims: Claims, header = {}) => idp.sign(usual(idp, claims), header)
  const cases: [string, string][] = [
    ['BC-2 alg none', `${unsigned}.`],
    ['BC-2 an HMAC with the client secret', `${hmac}.${mac}`],
    ['BC-2 the key of somebody else', await signedBy({ alg: 'RS256', kid: 'k' })],
    ['BC-2 a key that comes along', await signedBy({ alg: 'RS256', jwk: await exportJWK(foreign.publicKey) })],
    ['BC-2 an unknown kid', await signedBy({ alg: 'RS256', kid: 'other' })],
    ['BC-2 a changed signature', `${good.slice(0, -6)}AAAAAA`],
    ['BC-2 an access token', await made({}, { typ: 'at+jwt' })],
    ['BC-3 another issuer', await made({ iss: 'https://evil.test' })],
    ['BC-3 no issuer', await made({ iss: undefined })],
    ['BC-3 another audience', await made({ aud: 'other' })],
    ['BC-3 no audience', await made({ aud: undefined })],
    ['BC-3 another party', await made({ azp: 'other' })],
    ['BC-3 no iat', await made({ iat: undefined })],
    ['BC-3 an iat in the future', await made({ iat: at() + 600 })],
    ['BC-3 an old one', await made({ iat: at() - 3600, exp: undefined })],
    ['BC-3 expired', await made({ exp: at() - 120 })],
    ['BC-4 neither sub nor sid', await made({ sub: undefined, sid: undefined })],
    ['BC-4 a sub that is no text', await made({ sub: ['ada'] })],
    ['BC-4 an empty sid', await made({ sid: '' })],
    ['BC-5 no events', await made({ events: undefined })],
    ['BC-5 another event', await made({ events: { 'http://schemas.openid.net/event/other': {} } })],
    ['BC-5 events as a list', await made({ events: [event] })],
    ['BC-5 an event that is no object', await made({ events: { [event]: true } })],
    ['BC-6 a nonce', await made({ nonce: 'n' })],
    ['BC-6 a nonce of null', await made({ nonce: null })],
    ['BC-7 no jti', await made({ jti: undefined })],
    ['BC-7 a jti that is no text', await made({ jti: 7 })],
    ['BC-11 an ID token', await idp.sign({ ...usual(idp), events: undefined, nonce: 'n' })],
    ['no token at all', 'x'],
    ['a token too long', await made({ more: 'x'.repeat(16_000) })],
  ]
  for (const [what, token] of cases) {
    const answer = await post(url, form(token))
    t.equal(answer.status, 400, what)
    t.equal(answer.headers.get('cache-control'), 'no-store', what)
    t.match(await answer.json(), { error: 'invalid_request', error_description: String }, what)
  }
  t.equal(await status(cookie), 200, 'the session goes on')
  t.equal((await post(url, form(good))).status, 200, 'and the good one ends it')
  t.equal(await status(cookie), 401)
})

t.test('BC-1, BC-10: only a small form with one token is read', async (t) => {
  const { idp, url, login, status } = await stand(t)
  idp.claims = { sid: 's1' }
  const cookie = await login()
  const token = await idp.sign(usual(idp), logoutType)
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  t.equal((await post(url, `logout_token=${token}&logout_token=${token}`, type)).status, 400, 'two')
  t.equal((await post(url, 'a=b', type)).status, 400, 'none')
  t.equal((await post(url, '', type)).status, 400, 'nothing')
  t.equal(
    (await post(url, JSON.stringify({ logout_token: token }), { 'content-type': 'application/json' })).status,
    400,
  )
  t.equal((await post(url, `${form(token)}&a=${'x'.repeat(100_000)}`, type)).status, 413)
  const got = await fetch(`${url}/auth/backchannel-logout?${form(token)}`)
  t.equal(got.status, 405)
  t.equal(got.headers.get('allow'), 'POST')
  t.equal(await status(cookie), 200)
})

t.test('BC-7: a logout token is good once', async (t) => {
  const { idp, url, login, status } = await stand(t)
  idp.claims = { sid: undefined }
  await login()
  const token = await idp.sign(usual(idp, { sid: undefined }), logoutType)
  t.equal((await post(url, form(token))).status, 200)
  const later = await login()
  const again = await post(url, form(token))
  t.equal(again.status, 400)
  t.match(await again.json(), { error_description: /jti/ })
  t.equal(await status(later), 200, 'the next session of the same user goes on')
})

t.test('keys that cannot be had are a passing fault, and the same token is good later', async (t) => {
  const { idp, url, login, status } = await stand(t)
  idp.claims = { sid: 's1' }
  const cookie = await login()
  const token = await idp.sign(usual(idp), logoutType)
  idp.keysAway = true
  const away = await post(url, form(token))
  t.equal(away.status, 503)
  t.ok(away.headers.has('retry-after'))
  t.equal(await status(cookie), 200)
  idp.keysAway = false
  const until = Date.now() + 20_000
  let answer = 503
  while (answer === 503 && Date.now() < until) answer = (await post(url, form(token))).status
  t.equal(answer, 200)
  t.equal(await status(cookie), 401)
})
