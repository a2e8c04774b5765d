import t from 'tap'
import { CookieJar } from '../../kit/cookie-jar.ts'
import { startAuth } from './auth-kit.ts'
import { ask, page, toCallback } from './browse.ts'
import { wireFetch } from './wire-fetch.ts'

t.test(
  'BBA-5, BCP-9: a login ends on a page that goes on by itself, with a new session in a Strict cookie',
  async (t) => {
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
  },
)

t.test('BBA-2, BBA-7: the login itself: PKCE, state, nonce and a Lax cookie with a handle only', async (t) => {
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

t.test('a link on another site finds the session that the Strict cookie hid', async (t) => {
  const kit = await startAuth(t)
  const { jar } = await kit.login()
  const fromElsewhere = { ...page, 'sec-fetch-site': 'cross-site' }
  const target = async (query: string) => {
    const answer = await wireFetch(`${kit.url}/auth/login${query}`, { headers: fromElsewhere })
    t.equal(answer.status, 200)
    t.strictSame(answer.headers.getSetCookie(), [], 'nothing is begun yet')
    t.equal(answer.headers.get('cache-control'), 'no-store')
    const [, found = ''] = /content="0;url=([^"]+)"/.exec(await answer.text()) ?? []
    return `${kit.url}${found.replaceAll('&amp;', '&')}`
  }
  const again = await target('?return_to=/deep%3Fa=1&login_hint=bob')
  t.equal((await ask(again, jar)).headers.get('location'), `${kit.url}/deep?a=1`, 'signed in: straight to the page')
  const anonymous = await wireFetch(again, { headers: fromElsewhere })
  t.equal(anonymous.status, 303, 'not signed in: the login begins, whatever the browser says of its way')
  t.match(anonymous.headers.get('location'), kit.idp.issuer)
  t.equal(new URL(again).searchParams.get('login_hint'), 'bob')
  t.match(await target('?return_to=//evil.test'), /return_to=%2F$/)
})

t.test('what nobody looks at begins no login, and says how one begins', async (t) => {
  const kit = await startAuth(t, { auth: '  pass_params: [prompt]' })
  const ask = (headers: Record<string, string>, method = 'GET') =>
    wireFetch(`${kit.url}/auth/login?return_to=/deep%3Fa=1&service=crud_service&prompt=login&evil=1`, {
      method,
      headers,
    })
  const by = (site: string, mode: string, dest: string) => ({
    'sec-fetch-site': site,
    'sec-fetch-mode': mode,
    'sec-fetch-dest': dest,
  })
  const background: [string, Record<string, string>][] = [
    ['a fetch on another site', { ...by('cross-site', 'cors', 'empty'), origin: 'https://evil.test' }],
    ['an image on another site', by('cross-site', 'no-cors', 'image')],
    ['a script of this origin', by('same-origin', 'cors', 'empty')],
    ['a link that is prefetched', { ...by('same-origin', 'no-cors', 'empty'), 'sec-purpose': 'prefetch' }],
    ['a page that is prerendered', { ...by('none', 'navigate', 'document'), 'sec-purpose': 'prefetch;prerender' }],
  ]
  for (const [who, headers] of background) {
    const answer = await ask(headers)
    const login_url = `${kit.url}/auth/login?return_to=%2Fdeep%3Fa%3D1&service=crud_service&prompt=login`
    t.equal(answer.status, 401, who)
    t.strictSame(answer.headers.getSetCookie(), [], who)
    t.match(await answer.json(), { code: 'SESSION_REQUIRED', login_url, detail: /not with a fetch/ }, who)
  }
  const head = await ask(by('cross-site', 'cors', 'empty'), 'HEAD')
  t.equal(head.status, 401, 'a HEAD, which a browser sends for scripts only')
  t.strictSame(head.headers.getSetCookie(), [], 'HEAD')
  t.equal(head.headers.get('cache-control'), 'no-store')
  t.strictSame(kit.idp.posts, [], 'the identity provider heard of none')
  const people: [string, Record<string, string>][] = [
    ['a link', by('same-origin', 'navigate', 'document')],
    ['a frame of this origin', by('same-origin', 'navigate', 'iframe')],
    ['a page that a service worker passes on', by('same-origin', 'same-origin', 'empty')],
    ['curl', {}],
    ['fetch of Node', { 'sec-fetch-mode': 'cors' }],
  ]
  for (const [who, headers] of people) {
    const answer = await ask(headers)
    t.equal(answer.status, 303, who)
    t.equal(answer.headers.getSetCookie().length, 1, who)
  }
  t.equal((await ask({}, 'HEAD')).status, 303, 'curl -I hears what a GET would')
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
  // A provider that failed is let alone for 250 ms; what asks in that time is told so at once.
  const back = performance.now()
  const navigation = async () => (await wireFetch(`${kit.url}/auth/login`)).status
  while ((await navigation()) === 503) t.ok(performance.now() - back < 20_000, 'soon after its return')
  t.equal((await kit.login()).callback.status, 200)
})

t.test('return_to that leads away becomes /', async (t) => {
  const kit = await startAuth(t)
  const user = await kit.login({ returnTo: '//evil.test/x' })
  t.match(await user.callback.text(), 'content="0;url=/"')
})

t.test(
  'return_to may be a page of an origin in cors.allow_origins, also where somebody is signed in already',
  async (t) => {
    const page = 'http://localhost:5173/work?tab=1'
    const kit = await startAuth(t, { session: 'cors: { allow_origins: ["http://localhost:5173"] }' })
    const user = await kit.login({ returnTo: page })
    t.match(await user.callback.text(), `content="0;url=${page}"`)
    const again = await user.fetch(`/auth/login?resume=1&return_to=${encodeURIComponent(page)}`)
    t.equal(again.headers.get('location'), page)

    const asked = await wireFetch(`${kit.url}/api/crud/x`, { headers: { referer: page } })
    const login_url = `${kit.url}/auth/login?return_to=${encodeURIComponent(page)}`
    t.match(
      await asked.json(),
      { code: 'SESSION_REQUIRED', login_url },
      'a script of such a page is told to come back to it',
    )
    const other = await wireFetch(`${kit.url}/api/crud/x`, { headers: { referer: 'http://localhost:51730/' } })
    t.match(await other.json(), { login_url: `${kit.url}/auth/login?return_to=%2F` })
  },
)

t.test('nothing that is secret gets into a log line', async (t) => {
  const kit = await startAuth(t)
  const user = await kit.login()
  await user.fetch('/api/v1/analytics/x')
  const log = JSON.stringify(kit.bff.lines)
  t.notMatch(log, /eyJ[\w-]+\./)
  for (const secret of [user.jar.get('bff_session'), user.jar.get('bff_login'), kit.idp.clientSecret])
    t.notOk(log.includes(secret ?? 'missing'))
})
