import t from 'tap'
import {
  ambiguous,
  cookieOf,
  deleteCookie,
  loginCookie,
  sessionCookie,
  setCookie,
} from '../../../../plugins/lib/session/cookies.ts'
import type { SessionSettings } from '../../../../plugins/lib/settings/settings.ts'

const settings = (domain: string | null, same_site: 'strict' | 'lax' = 'strict'): SessionSettings => ({
  store: 'memory',
  idle_timeout: 1,
  absolute_timeout: 1,
  cookie: { name: 'bff_session', same_site, domain },
  keys: [],
  csrf_header: null,
  bind: { user_agent: false, address_prefix: 0 },
})

t.test('reading: all lines are one list, names are exact, nothing is decoded', async (t) => {
  t.equal(cookieOf(['Cookie', 'a=1; bff_session=x'], 'bff_session'), 'x')
  t.equal(cookieOf(['Cookie', 'a=1', 'COOKIE', 'bff_session=x=y'], 'bff_session'), 'x=y')
  t.equal(cookieOf(['Cookie', 'bff_session =x'], 'bff_session'), 'x')
  for (const other of ['xbff_session=1', 'BFF_SESSION=1', '__Host-bff_session=1', 'bff_session', 'bff%5Fsession=1', ''])
    t.equal(cookieOf(['Cookie', other], 'bff_session'), undefined, other)
  t.equal(cookieOf(['X-Cookie', 'bff_session=1'], 'bff_session'), undefined)
})

t.test('reading: a name that only looks like ours is planted, for no browser guards its prefix', async (t) => {
  for (const before of ['\xa0', '\x85', '\xc2\xa0', '\xef\xbb\xbf', '\xe2\x80\x80', '\x0b'])
    for (const planted of [`${before}__Host-bff_session=x`, `__Host-bff_session${before}=x`])
      t.equal(cookieOf(['Cookie', `a=1; ${planted}`], '__Host-bff_session'), undefined, JSON.stringify(planted))
  t.equal(cookieOf(['Cookie', '\xa0bff_session=evil; bff_session=x'], 'bff_session'), 'x', 'and takes no session away')
})

t.test('reading: two of one name are told apart from none and one', async (t) => {
  t.equal(cookieOf(['Cookie', 'bff_session=1; bff_session=2'], 'bff_session'), ambiguous)
  t.equal(cookieOf(['Cookie', 'bff_session=1', 'Cookie', 'bff_session='], 'bff_session'), ambiguous)
})

t.test('writing: over https Secure and __Host-, unless a domain is set', async (t) => {
  const attributes = (url: string, domain: string | null) => setCookie(sessionCookie(url, settings(domain)), 'v')[1]
  t.equal(attributes('https://app.test', null), '__Host-bff_session=v; Path=/; HttpOnly; Secure; SameSite=Strict')
  t.equal(attributes('http://localhost:8080', null), 'bff_session=v; Path=/; HttpOnly; SameSite=Strict')
  t.equal(
    attributes('https://app.test', 'app.test'),
    'bff_session=v; Path=/; Domain=app.test; HttpOnly; Secure; SameSite=Strict',
  )
  t.match(setCookie(sessionCookie('https://a.test', settings(null, 'lax')), 'v')[1], 'SameSite=Lax')
  t.match(setCookie(loginCookie('https://a.test'), 'h', 600)[1], /^__Host-bff_login=h;.*SameSite=Lax; Max-Age=600$/)
})

t.test('a deletion has the attributes of what it deletes, or browsers keep it', async (t) => {
  const cookie = sessionCookie('https://app.test', settings('app.test'))
  t.equal(
    deleteCookie(cookie)[1],
    'bff_session=; Path=/; Domain=app.test; HttpOnly; Secure; SameSite=Strict; Max-Age=0',
  )
})
