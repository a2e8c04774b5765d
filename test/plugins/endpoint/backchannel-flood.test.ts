import { once } from 'node:events'
import { request } from 'node:http'
import t from 'tap'
import { stand } from './stand.ts'

const { idp, url, login, status } = await stand(t, { server: ', trusted_proxies: [127.0.0.1]' })

function token(sid: string, header: Record<string, string> = {}): Promise<string> {
  const at = Math.floor(Date.now() / 1000)
  const claims = { iss: idp.issuer, aud: 'bff', iat: at, exp: at + 120, jti: crypto.randomUUID(), sid, sub: 'ada' }
  return idp.sign({ ...claims, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, header)
}

function post(logout_token: string, from: string): Promise<Response> {
  const headers = { 'x-forwarded-for': from }
  return fetch(`${url}/auth/backchannel-logout`, {
    method: 'POST',
    body: new URLSearchParams({ logout_token }),
    headers,
  })
}

async function signedIn(sid: string): Promise<string> {
  idp.claims = { sid }
  return login()
}

t.test('tokens that name keys of their own making cost the provider one request, and known ones go on', async (t) => {
  const cookie = await signedIn('s1')
  t.equal((await post(await token('nobody'), '192.0.2.1')).status, 200, 'its keys are known')
  const asked = idp.keysAsked
  for (let n = 0; n < 20; n++) t.equal((await post(await token('s1', { kid: `k${n}` }), '203.0.113.1')).status, 400)
  t.ok(idp.keysAsked - asked <= 1, `${idp.keysAsked - asked}`)
  t.equal((await post(await token('s1'), '192.0.2.1')).status, 200)
  t.equal(await status(cookie), 401)
})

t.test('an address that keeps sending bad tokens is not listened to for a while; the provider is', async (t) => {
  const cookie = await signedIn('s2')
  const good = await token('s2')
  const bad = `${good.slice(0, -9)}AAAAAAAAA`
  let refused = 0
  let unheard: Response | undefined
  // Until it happens: on a machine that is busy a span may end before the hundredth.
  for (let batch = 0; unheard === undefined && batch < 100; batch++) {
    const answers = await Promise.all(
      Array.from({ length: 25 }, (_, n) => post(n % 2 === 0 ? bad : 'x', '203.0.113.2')),
    )
    refused += answers.filter((answer) => answer.status === 400).length
    unheard = answers.find((answer) => answer.status === 429)
  }
  t.ok(refused >= 100, `${refused}`)
  t.ok(Number(unheard?.headers.get('retry-after')) >= 1)
  t.match(await unheard?.json(), { code: 'RATE_LIMITED' })
  t.equal(await status(cookie), 200)
  t.equal((await post(good, '192.0.2.1')).status, 200)
  t.equal(await status(cookie), 401)
})

t.test('a provider that ends many sessions at once is told 200 each time', async (t) => {
  for (let n = 0; n < 40; n++) if ((await post(await token(`many-${n}`), '192.0.2.7')).status !== 200) t.fail(`${n}`)
  t.pass()
})

t.test('who sends bodies that never end takes no place from the provider', async (t) => {
  const cookie = await signedIn('s3')
  const path = `${url}/auth/backchannel-logout`
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': '100',
    expect: '100-continue',
  }
  const slow = Array.from({ length: 40 }, () => request(path, { method: 'POST', headers, agent: false }))
  for (const each of slow) each.on('error', () => {}).flushHeaders()
  await Promise.all(slow.map((each) => once(each, 'continue')))
  for (const each of slow) each.write('logout_token=')
  t.equal((await post(await token('s3'), '192.0.2.1')).status, 200)
  t.equal(await status(cookie), 401)
  for (const each of slow) each.destroy()
})
