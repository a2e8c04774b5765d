import t from 'tap'
import { CookieJar } from '../../kit/cookie-jar.ts'
import { startAuth } from './auth-kit.ts'
import { wireFetch } from './wire-fetch.ts'

const page = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

type Ask = (url: string, jar: CookieJar) => Promise<Response>
const ask: Ask = async (url, jar) => {
  const cookie = jar.header(url)
  const headers = { ...page, ...(cookie === undefined ? {} : { cookie }) }
  const answer = await wireFetch(url, { headers })
  jar.keep(url, answer.headers)
  return answer
}

/** To the callback's address, without opening it. */
async function toCallback(url: string, jar: CookieJar): Promise<string> {
  let at = url
  for (let hop = 0; hop < 10; hop++) {
    const answer = await ask(at, jar)
    const next = answer.headers.get('location')
    if (next === null) throw new Error(`${at} answered ${answer.status}: ${await answer.text()}`)
    at = new URL(next, at).href
    if (at.includes('/auth/callback?')) return at
  }
  throw new Error('no callback')
}

t.test('a login ends on a page that goes on by itself, with a new session in a Strict cookie', async (t) => {
  const kit = await startAuth(t)
  const user = await kit.login({ returnTo: '/app?a=1&b="2"' })
  const { headers } = user.callback
  const text = await user.callback.text()
  t.equal(user.callback.status, 200)
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('referrer-policy'), 'no-referrer')
  t.match(headers.get('content-security-policy'), /^default-src 'none'/)
  t.match(headers.getSetCookie()[0], /^bff_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  t.match(text, '<meta http-equiv="refresh" content="0;url=/app?a=1&amp;b=%222%22">')
  t.notMatch(text, /<script|eyJ/)
  const status = (await (await user.fetch('/auth/session')).json()) as { user: { sub: string } }
  t.equal(status.user.sub, 'ada')
})

t.test('the login itself: PKCE, state, nonce and a Lax cookie with a handle only', async (t) => {
  const kit = await startAuth(t, { idp: { par: false }, auth: '  authorize_params: { prompt: consent }' })
  const answer = await wireFetch(`${kit.url}/auth/login?return_to=/x&login_hint=bob`)
  const sent = new URL(answer.headers.get('location') ?? '').searchParams
  t.equal(answer.status, 303)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.match(answer.headers.getSetCookie()[0], /^bff_login=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/)
  t.equal(sent.get('code_challenge_method'), 'S256')
  for (const name of ['state', 'nonce', 'code_challenge']) t.match(sent.get(name), /^[\w-]{43}$/, name)
  t.equal(sent.get('redirect_uri'), `${kit.url}/auth/callback`)
  t.equal(sent.get('prompt'), 'consent')
  t.equal(sent.get('login_hint'), 'bob')
  t.equal(sent.getAll('resource').length, 2)
})

t.test('twenty tabs of one browser sign in at once, and all succeed', async (t) => {
  const kit = await startAuth(t)
  const jar = new CookieJar()
  await ask(`${kit.url}/auth/login`, jar)
  const tabs = Array.from({ length: 20 }, (_, n) => toCallback(`${kit.url}/auth/login?return_to=/tab${n}`, jar))
  const answers = await Promise.all((await Promise.all(tabs)).map((url) => ask(url, jar)))
  t.strictSame(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(jar.names.filter((name) => name.startsWith('bff_')).length, 2, 'one cookie of the session, one of the login')
})

t.test('twenty tabs of a browser that had no cookie yet: who lost its handle is taken along', async (t) => {
  const kit = await startAuth(t)
  const jar = new CookieJar()
  const first = await Promise.all(
    Array.from({ length: 20 }, (_, n) => wireFetch(`${kit.url}/auth/login?return_to=/tab${n}`, { headers: page })),
  )
  for (const answer of first) jar.keep(kit.url, answer.headers)
  const urls = []
  for (const answer of first) urls.push(await toCallback(answer.headers.get('location') ?? '', jar))
  const answers = await Promise.all(urls.map((url) => ask(url, jar)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  const lost = answers.findIndex(({ status }) => status === 400)
  const target = /content="0;url=([^"]+)"/.exec((await answers[lost]?.text()) ?? '')?.[1]?.replaceAll('&amp;', '&')
  t.equal(target, `/auth/login?resume=1&return_to=%2Ftab${lost}`)
  const resumed = await ask(`${kit.url}${target}`, jar)
  t.equal(resumed.headers.get('location'), `${kit.url}/tab${lost}`, 'signed in by the other tab: straight to its page')
})

t.test('a callback that is not of this browser gives no session', async (t) => {
  const kit = await startAuth(t)
  const attacker = new CookieJar()
  const url = await toCallback(`${kit.url}/auth/login`, attacker)

  t.test('without the login cookie', async (t) => {
    const answer = await wireFetch(url, { headers: { accept: 'application/json' } })
    t.equal(answer.status, 400)
    t.equal(((await answer.json()) as { code: string }).code, 'LOGIN_FAILED')
    t.strictSame(answer.headers.getSetCookie(), [])
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

t.test("an answer in another provider's name is refused (mix-up, RFC 9207)", async (t) => {
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
})

t.test('a code of another login is refused: PKCE', async (t) => {
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

t.test('an old session of the browser ends with the new login, which gets a new id', async (t) => {
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

t.test('a session id of the client is never adopted', async (t) => {
  const kit = await startAuth(t)
  const chosen = 'c'.repeat(43)
  const jar = new CookieJar()
  jar.keep(kit.url, new Headers({ 'set-cookie': `bff_session=${chosen}; Path=/` }))
  const user = await kit.login({ jar })
  t.notMatch(user.cookie, chosen)
})

t.test('while the identity provider is away a login is 503, and works as soon as it is back', async (t) => {
  const kit = await startAuth(t)
  kit.idp.intercept = (_req, res) => {
    res.writeHead(503).end()
    return true
  }
  const down = await wireFetch(`${kit.url}/auth/login`)
  t.equal(down.status, 503)
  t.ok(Number(down.headers.get('retry-after')) >= 1)
  t.equal(((await down.json()) as { code: string }).code, 'IDP_UNAVAILABLE')
  kit.idp.intercept = undefined
  t.equal((await kit.login()).callback.status, 200)
})

t.test('return_to that leads away becomes /', async (t) => {
  const kit = await startAuth(t)
  const user = await kit.login({ returnTo: '//evil.test/x' })
  t.match(await user.callback.text(), 'content="0;url=/"')
})

t.test('nothing that is secret gets into a log line', async (t) => {
  const kit = await startAuth(t)
  const user = await kit.login()
  await user.fetch('/api/v1/analytics/x')
  const log = JSON.stringify(kit.bff.lines)
  t.notMatch(log, /eyJ[\w-]+\./)
  for (const secret of [user.jar.get('bff_session'), user.jar.get('bff_login'), kit.idp.clientSecret])
    t.notOk(log.includes(secret ?? 'missing'))
})
