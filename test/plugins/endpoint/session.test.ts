import t from 'tap'
import { startAuth } from './auth-kit.ts'
import { wireFetch } from './wire-fetch.ts'

t.test('/auth/session says who is signed in and what can be called, never a token', async (t) => {
  const kit = await startAuth(t)
  const user = await kit.login()
  for (const path of ['/auth/session', '/api/auth/session']) {
    const answer = await user.fetch(path)
    const text = await answer.text()
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.match(JSON.parse(text), {
      authenticated: true,
      user: { sub: 'ada', email: 'ada@example.com' },
      expires_at: /^\d{4}-.*Z$/,
      services_count: 2,
      services: { analytics_service: { state: /ready|mintable/ }, crud_service: { state: /ready|mintable/ } },
    })
    t.notMatch(text, /eyJ|nonce|at_hash|refresh/)
  }
  const line = await kit.bff.line(({ msg }) => msg.includes('Session status check successful'))
  t.equal(line.services_count, 2)
})

t.test('without a session it says so with 200, and a dead cookie is taken away', async (t) => {
  const kit = await startAuth(t)
  const ask = (cookie: string) => wireFetch(`${kit.url}/auth/session`, { headers: { cookie } })
  const anonymous = await ask('other=1')
  t.strictSame(await anonymous.json(), { authenticated: false })
  t.strictSame(anonymous.headers.getSetCookie(), [])
  const dead = await ask(`bff_session=${'d'.repeat(43)}`)
  t.strictSame(await dead.json(), { authenticated: false })
  t.match(dead.headers.getSetCookie()[0], /^bff_session=;.*Max-Age=0/)
})

t.test('/auth/verify answers an edge: who it is, and the hash of the session', async (t) => {
  const kit = await startAuth(t, { idp: { user: 'bob' } })
  const user = await kit.login({ user: 'bob' })
  for (const path of ['/auth/verify', '/auth/forward']) {
    const answer = await user.fetch(path)
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('x-user-id'), 'bob')
    t.match(answer.headers.get('x-session-id'), /^[\w-]{16}$/)
    t.match(answer.headers.get('x-auth-time'), /^\d{10}$/)
    t.notOk(user.cookie.includes(answer.headers.get('x-session-id') ?? ''), 'never the id')
    const refused = await wireFetch(`${kit.url}${path}`)
    t.equal(refused.status, 401)
    t.match(await refused.json(), { code: 'SESSION_REQUIRED', login_url: `${kit.url}/auth/login?return_to=%2F` })
  }
})
