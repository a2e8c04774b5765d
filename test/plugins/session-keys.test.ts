// session.keys: rotated by a reload, while everybody stays signed in.
import t from 'tap'
import { CookieJar } from '../kit/cookie-jar.ts'
import { ask, toCallback } from './endpoint/browse.ts'
import { stand } from './endpoint/stand.ts'

const key = (name: string) => `a sealing key of this test, number ${name}, long enough`
const keys = (...names: string[]) => `session: { keys: ["${names.map(key).join('", "')}"] }`

t.test('a new key in front logs nobody out; sessions of a key that was taken out are over, and no fault', async (t) => {
  const { idp, url, bff, login, status, settingsWith } = await stand(t, { settings: keys('one') })
  const put = (...names: string[]) => bff.reload({ 'settings.yaml': settingsWith(keys(...names)) })
  idp.claims = { sid: 's1' }
  const old = await login()
  const other = await login()
  t.equal(await put('two', 'one'), true)
  t.equal(await status(old), 200, 'sealed with the old key')
  idp.claims = { sid: 's2' }
  const young = await login()

  const ended = await fetch(`${bff.adminUrl}/sessions/end`, { method: 'POST', body: '{"sid":"s1"}' })
  t.strictSame(await ended.json(), { ended: 2 }, 'found by the word of the old key')
  t.strictSame(await Promise.all([old, other, young].map((cookie) => status(cookie))), [401, 401, 200])

  const last = await login()
  t.equal(await put('two'), true)
  t.strictSame(await Promise.all([young, last].map((cookie) => status(cookie))), [200, 200])
  t.equal(await put('three'), true)
  const answer = await fetch(`${url}/api/x`, { headers: { cookie: young } })
  t.equal(answer.status, 401)
  t.match(answer.headers.getSetCookie()[0], /Max-Age=0/)
  t.equal(await status(await login()), 200)
})

t.test('a login that was begun before a rotation ends after it', async (t) => {
  const { url, bff, settingsWith } = await stand(t, { settings: keys('one') })
  const jar = new CookieJar()
  const callback = await toCallback(`${url}/auth/login`, jar)
  await bff.reload({ 'settings.yaml': settingsWith(keys('two', 'one')) })
  t.equal((await ask(callback, jar)).status, 200)
  t.ok(jar.get('bff_session'))
})

t.test('without keys one is made, and said; a reload keeps it', async (t) => {
  const { bff, login, status, settingsWith } = await stand(t)
  const cookie = await login()
  t.ok(await bff.line(({ msg }) => /^session_key_made/.test(String(msg))))
  t.equal(await bff.reload({ 'settings.yaml': settingsWith('log: { level: debug }') }), true)
  t.equal(await status(cookie), 200)
})
