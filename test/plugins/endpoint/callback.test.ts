import t from 'tap'
import { CookieJar } from '../../kit/cookie-jar.ts'
import { startHostileIdp } from '../../kit/hostile-idp.ts'
import { startAuth } from './auth-kit.ts'
import { ask, page, toCallback } from './browse.ts'
import { stand } from './stand.ts'
import { wireFetch } from './wire-fetch.ts'

t.test('BCP-2, CVE-2017-1000069: a callback that is not of this browser gives no session', async (t) => {
  const kit = await startAuth(t)
  const attacker = new CookieJar()
  const url = await toCallback(`${kit.url}/auth/login`, attacker)

  t.test('without the login cookie', async (t) => {
    const answer = await wireFetch(url, { headers: { accept: 'application/json' } })
    t.equal(answer.status, 400)
    t.match(await answer.json(), { code: 'LOGIN_FAILED', login_url: `${kit.url}/auth/login` })
    t.strictSame(answer.headers.getSetCookie(), [])
    const shown = await wireFetch(url, { headers: page })
    t.notMatch(await shown.text(), 'http-equiv="refresh"', 'a browser that keeps no cookies would go round for ever')
  })
  t.test("with another browser's login cookie", async (t) => {
    const victim = new CookieJar()
    await ask(`${kit.url}/auth/login`, victim)
    const answer = await ask(url, victim)
    t.equal(answer.status, 400)
    t.equal(victim.get('bff_session'), undefined)
  })
  t.test('with a state that is unknown, doubled, empty or absent', async (t) => {
    const { searchParams } = new URL(url)
    const state = searchParams.get('state') ?? ''
    const code = searchParams.get('code') ?? ''
    for (const query of [
      `state=${'a'.repeat(43)}`,
      `state=${state}&state=${state}`,
      'state=',
      '',
      `state=${state}%0A`,
    ]) {
      const answer = await ask(`${kit.url}/auth/callback?code=${code}&${query}`, attacker)
      t.equal(answer.status, 400, query)
    }
  })
  t.test('with two login cookies', async (t) => {
    const cookie = `bff_login=${attacker.get('bff_login')}; bff_login=${'b'.repeat(43)}`
    t.equal((await wireFetch(url, { headers: { cookie } })).status, 400)
  })
  t.test('the browser itself still can, but only once', async (t) => {
    t.equal((await ask(url, attacker)).status, 200)
    t.equal((await ask(url, attacker)).status, 400)
    t.equal(kit.idp.counts.code, 1)
  })
})

t.test(
  "BCP-4, BCP-5: an answer in another provider's name, or in nobody's, is refused (mix-up, RFC 9207)",
  async (t) => {
    const kit = await startAuth(t)
    for (const change of [
      (u: URL) => u.searchParams.set('iss', 'https://evil.test'),
      (u: URL) => u.searchParams.delete('iss'),
    ]) {
      const jar = new CookieJar()
      const url = new URL(await toCallback(`${kit.url}/auth/login`, jar))
      change(url)
      t.equal((await ask(url.href, jar)).status, 400)
      t.equal(jar.get('bff_session'), undefined)
    }
    t.equal(kit.idp.counts.code, 0, 'no code was sent anywhere')
  },
)

t.test('BCP-5: after a reload that names another identity provider', async (t) => {
  const { idp: before, url, bff, login, status, settingsWith } = await stand(t)
  const after = await startHostileIdp(t)
  const jar = new CookieJar()
  const cookie = await login()
  const back = await toCallback(`${url}/auth/login`, jar)
  const codes = ({ asked }: typeof before) => asked.filter((form) => form.has('code')).length
  t.equal(await status(cookie), 200)
  t.equal(await bff.reload({ 'settings.yaml': settingsWith('').replaceAll(before.issuer, after.issuer) }), true)

  t.test('a code of the one before goes to neither', async (t) => {
    t.equal((await ask(back, jar)).status, 400)
    t.equal(jar.get('bff_session'), undefined)
    t.same([codes(before), codes(after)], [1, 0])
  })
  t.test('and its sessions are none', async (t) => {
    t.equal(await status(cookie), 401)
    t.same(await (await wireFetch(`${url}/auth/session`, { headers: { cookie } })).json(), { authenticated: false })
    t.equal(await status(cookie, '/auth/verify'), 401)
  })
})

t.test('a provider that calls every target invalid, asked for or not, is not asked in a circle', async (t) => {
  const { idp, url } = await stand(t)
  idp.instead = (res) => res.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_target"}')
  const jar = new CookieJar()
  let at: string | null = `${url}/auth/login`
  let last = 0
  for (let round = 0; at !== null && round < 8; round++) {
    const answer: Response = await ask(await toCallback(at, jar), jar)
    last = answer.status
    at = answer.headers.get('location')
    if (at?.includes('/auth/callback?')) t.fail('sent back to itself')
  }
  t.equal(last, 400)
})

t.test('BCP-3: a code of another login is refused (PKCE)', async (t) => {
  const kit = await startAuth(t)
  const jar = new CookieJar()
  const other = new URL(await toCallback(`${kit.url}/auth/login`, new CookieJar()))
  const own = new URL(await toCallback(`${kit.url}/auth/login`, jar))
  own.searchParams.set('code', other.searchParams.get('code') ?? '')
  t.equal((await ask(own.href, jar)).status, 400)
  t.equal(jar.get('bff_session'), undefined)
})

t.test("the identity provider's refusal is a page with nothing of its words", async (t) => {
  const kit = await startAuth(t)
  const jar = new CookieJar()
  const url = new URL(await toCallback(`${kit.url}/auth/login?return_to=/here`, jar))
  url.searchParams.delete('code')
  url.searchParams.set('error', 'access_denied')
  url.searchParams.set('error_description', '<img src=x onerror=alert(1)>')
  const answer = await ask(url.href, jar)
  const text = await answer.text()
  t.equal(answer.status, 400)
  t.match(answer.headers.get('content-type'), 'text/html')
  t.match(text, '/auth/login?return_to=%2Fhere')
  t.notMatch(text, '<img')
  await kit.bff.line((line) => line.msg === 'login_refused_by_idp' && /access_denied/.test(String(line.error)))
})

t.test('CK-6: an old session of the browser ends with the new login, which gets a new id', async (t) => {
  const kit = await startAuth(t)
  const before = await kit.login()
  const again = await kit.login({ jar: before.jar })
  t.not(again.cookie, before.cookie)
  const old = await wireFetch(`${kit.url}/api/crud/forms/1`, { headers: { cookie: before.cookie } })
  t.equal(old.status, 401)
  t.equal((await again.fetch('/api/crud/forms/1')).status, 200)
})

t.test('an old session ends too where its Strict cookie does not come along to the callback', async (t) => {
  const kit = await startAuth(t)
  const user = await kit.login()
  const url = await toCallback(`${kit.url}/auth/login`, user.jar)
  const cookie = `bff_login=${user.jar.get('bff_login')}`
  t.equal((await wireFetch(url, { headers: { ...page, cookie } })).status, 200)
  t.equal((await wireFetch(`${kit.url}/api/crud/forms/1`, { headers: { cookie: user.cookie } })).status, 401)
})

t.test('one that another tab began meanwhile ends as well', async (t) => {
  const kit = await startAuth(t)
  const jar = new CookieJar()
  await ask(`${kit.url}/auth/login`, jar)
  const first = await toCallback(`${kit.url}/auth/login`, jar)
  const second = await toCallback(`${kit.url}/auth/login`, jar)
  await ask(first, jar)
  const cookie = `bff_session=${jar.get('bff_session')}`
  t.equal((await ask(second, jar)).status, 200)
  t.equal((await wireFetch(`${kit.url}/api/crud/forms/1`, { headers: { cookie } })).status, 401)
})

t.test('CK-6: a session id of the client is never adopted', async (t) => {
  const kit = await startAuth(t)
  const chosen = 'c'.repeat(43)
  const jar = new CookieJar()
  jar.keep(kit.url, new Headers({ 'set-cookie': `bff_session=${chosen}; Path=/` }))
  const user = await kit.login({ jar })
  t.notMatch(user.cookie, chosen)
})

t.test('of the sessions that tabs began at the same time, the one that the browser has is left', async (t) => {
  const kit = await startAuth(t)
  const jar = new CookieJar()
  await ask(`${kit.url}/auth/login`, jar)
  const handle = `bff_login=${jar.get('bff_login')}`
  const urls = await Promise.all([1, 2, 3].map(() => toCallback(`${kit.url}/auth/login`, jar)))
  // As after a way from another site: the Strict cookie of the tab that was faster does not come along.
  const done = await Promise.all(urls.map((url) => wireFetch(url, { headers: { ...page, cookie: handle } })))
  const cookies = done.map(({ headers }) => headers.getSetCookie()[0]?.split(';')[0] ?? '')
  const status = async (cookie = '') => (await wireFetch(`${kit.url}/api/crud/forms/1`, { headers: { cookie } })).status
  const [first, kept, last] = cookies
  t.equal(await status(kept), 200)
  while ((await status(first)) !== 401 || (await status(last)) !== 401) await kit.bff.line(() => true)
  t.equal(await status(kept), 200, 'whichever the browser presents')
})

t.test(
  "an error that nobody's login asked for is told nobody: it must belong to a flow of this browser, once",
  async (t) => {
    const kit = await startAuth(t)
    const jar = new CookieJar()
    const { searchParams } = new URL(await toCallback(`${kit.url}/auth/login?return_to=/mine`, jar))
    const refusal = (state: string) =>
      `${kit.url}/auth/callback?${new URLSearchParams({ error: 'access_denied', iss: kit.idp.issuer, state })}`
    const state = searchParams.get('state') ?? ''
    const asked: [string, CookieJar, RegExp][] = [
      ['x'.repeat(43), jar, /does not belong to a login of this browser/],
      [state, new CookieJar(), /does not belong to a login of this browser/],
      [state, jar, /was cancelled/],
      [state, jar, /does not belong to a login of this browser/],
    ]
    for (const [sent, browser, words] of asked) {
      const answer = await ask(refusal(sent), browser)
      t.equal(answer.status, 400)
      t.match(await answer.text(), words)
    }
  },
)

t.test(
  'BBA-7: nothing that a login keeps reaches the browser but state, nonce and challenge in the address it is sent to',
  async (t) => {
    const kit = await startAuth(t)
    const user = await kit.login()
    const page = await user.callback.text()
    for (const { form } of kit.idp.posts)
      for (const name of ['code_verifier', 'client_secret', 'refresh_token', 'nonce', 'state'] as const)
        if (typeof form[name] === 'string') t.notOk(page.includes(form[name]) || user.cookie.includes(form[name]), name)
    t.notOk(user.jar.names.some((name) => /eyJ/.test(user.jar.get(name) ?? '')))
  },
)
