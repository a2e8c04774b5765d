import t from 'tap'
import { startAuth } from './auth-kit.ts'
import { wireFetch } from './wire-fetch.ts'

const link = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate', accept: 'text/html' }

t.test('a fetch ends the session at once and gets the address to go on to', async (t) => {
  const kit = await startAuth(t)
  const user = await kit.login()
  const answer = await wireFetch(`${kit.url}/auth/logout`, {
    method: 'POST',
    headers: { cookie: user.cookie, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
  })
  const { logout_url } = (await answer.json()) as { logout_url: string }
  const url = new URL(logout_url)
  t.equal(answer.status, 200)
  t.match(answer.headers.getSetCookie()[0], /^bff_session=; Path=\/; HttpOnly; SameSite=Strict; Max-Age=0$/)
  t.equal(url.origin, kit.idp.issuer)
  t.equal(url.searchParams.get('post_logout_redirect_uri'), `${kit.url}/`)
  t.match(url.searchParams.get('id_token_hint'), /^eyJ/)
  t.equal((await wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie: user.cookie } })).status, 401)
  const later = await wireFetch(`${kit.url}/auth/session`, { headers: { cookie: user.cookie } })
  t.strictSame(await later.json(), { authenticated: false })
})

t.test('a navigation is sent on to the identity provider', async (t) => {
  const kit = await startAuth(t)
  for (const method of ['GET', 'POST']) {
    const { cookie } = await kit.login()
    const answer = await wireFetch(`${kit.url}/auth/logout`, { method, headers: { ...link, cookie } })
    t.equal(answer.status, 303, method)
    t.match(answer.headers.get('location'), `${kit.idp.issuer}/session/end?`)
  }
})

t.test('the refresh token is revoked at the identity provider', async (t) => {
  const kit = await startAuth(t)
  const { cookie } = await kit.login()
  await kit.bff.line(({ msg }) => msg === 'bff_service_tokens_mapped')
  let told: (path: string) => void = () => {}
  const revoked = new Promise<string>((resolve) => {
    told = resolve
  })
  kit.idp.intercept = (req) => {
    if (req.url?.includes('revocation')) told(req.url)
    return false
  }
  await wireFetch(`${kit.url}/auth/logout`, { method: 'POST', headers: { cookie } })
  t.equal(await revoked, '/token/revocation')
})

t.test('another site cannot sign a user out', async (t) => {
  const kit = await startAuth(t)
  const { cookie } = await kit.login()
  const tries: [string, Record<string, string>][] = [
    ['POST', { 'sec-fetch-site': 'cross-site' }],
    ['POST', { 'sec-fetch-site': 'same-site', origin: 'http://neighbour.test' }],
    ['POST', { origin: 'null' }],
    ['GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
    ['GET', { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['GET', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }],
    ['GET', {}],
    ['HEAD', {}],
    ['HEAD', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }],
    ['GET', { ...link, 'sec-purpose': 'prefetch;prerender' }],
    ['GET', { ...link, purpose: 'prefetch' }],
  ]
  for (const [method, headers] of tries) {
    const answer = await wireFetch(`${kit.url}/auth/logout`, { method, headers: { ...headers, cookie } })
    t.equal(answer.status, 403, `${method} ${JSON.stringify(headers)}`)
    if (method !== 'HEAD') t.match(await answer.json(), { code: 'CSRF_REJECTED' })
  }
  t.equal((await wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie } })).status, 200)
})

t.test('signing out works while the identity provider is away, and without a session', async (t) => {
  const kit = await startAuth(t)
  const { cookie } = await kit.login()
  await kit.idp.close()
  const answer = await wireFetch(`${kit.url}/auth/logout`, { method: 'POST', headers: { cookie } })
  t.equal(answer.status, 200)
  t.equal((await wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie } })).status, 401)
  t.equal((await wireFetch(`${kit.url}/auth/logout`, { method: 'POST' })).status, 200)
})

t.test('once a logout was answered, nothing of that session is sent any more', async (t) => {
  const kit = await startAuth(t)
  const { cookie } = await kit.login()
  await kit.bff.line(({ msg }) => msg === 'bff_service_tokens_mapped')
  const ask = () => wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie } })
  let loggedOut = false
  let late = 0
  const loop = async () => {
    for (;;) {
      const began = loggedOut
      const { status } = await ask()
      if (began && status !== 401) late++
      if (began) return
    }
  }
  const loops = Array.from({ length: 8 }, loop)
  t.equal((await wireFetch(`${kit.url}/auth/logout`, { method: 'POST', headers: { cookie } })).status, 200)
  loggedOut = true
  await Promise.all(loops)
  t.equal(late, 0)
})

t.test('a request that waits for its token while the user signs out is not sent to the service', async (t) => {
  const kit = await startAuth(t)
  let asked: () => void = () => {}
  let release: () => void = () => {}
  const minting = new Promise<void>((resolve) => {
    asked = resolve
  })
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  kit.idp.intercept = async (req) => {
    if (req.url !== '/token' || kit.idp.counts.code === 0) return false
    asked()
    await released
    return false
  }
  const { cookie } = await kit.login()
  await minting
  const waiting = wireFetch(`${kit.url}/api/crud/x`, { headers: { cookie } })
  t.equal((await wireFetch(`${kit.url}/auth/logout`, { method: 'POST', headers: { cookie } })).status, 200)
  release()
  t.match(await (await waiting).json(), { status: 401, code: 'SESSION_REQUIRED' })
  t.equal(kit.crud.requests.length, 0)
})
