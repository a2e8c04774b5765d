// session.bind: a cookie that was copied opens nothing elsewhere.
import t from 'tap'
import { CookieJar } from '../kit/cookie-jar.ts'
import { toCallback } from './endpoint/browse.ts'
import { stand } from './endpoint/stand.ts'
import { wireFetch } from './endpoint/wire-fetch.ts'

async function bound(t: Parameters<typeof stand>[0], bind: string) {
  const kit = await stand(t, { settings: `session: { bind: ${bind} }` })
  const { url, bff, settingsWith } = kit
  const settings = settingsWith(`session: { bind: ${bind} }`)
  await bff.reload({ 'settings.yaml': settings.replace('public_url', 'trusted_proxies: [127.0.0.1/32], public_url') })
  const login = async (headers: Record<string, string>) => {
    const jar = new CookieJar()
    const callback = await toCallback(`${url}/auth/login`, jar)
    const answer = await wireFetch(callback, { headers: { ...headers, cookie: jar.header(url) ?? '' } })
    const [line = ''] = answer.headers.getSetCookie().filter((one) => one.startsWith('bff_session='))
    return line.split(';')[0] ?? ''
  }
  const ask = (cookie: string, headers: Record<string, string>, path = '/api/x') =>
    wireFetch(url + path, { headers: { ...headers, cookie } })
  return { ...kit, login, ask }
}

t.test('bound to the user agent, a session is good for that one only, and goes on there', async (t) => {
  const { api, login, ask } = await bound(t, '{ user_agent: true }')
  const mine = { 'user-agent': 'Browser/1' }
  const cookie = await login(mine)
  t.equal((await ask(cookie, mine)).status, 200)
  for (const headers of [{ 'user-agent': 'Thief/1' }, { 'user-agent': 'browser/1' }, {}]) {
    const answer = await ask(cookie, headers as Record<string, string>)
    t.equal(answer.status, 401)
    t.match(await answer.json(), { code: 'SESSION_REQUIRED', reason: 'client_changed' })
    t.strictSame(answer.headers.getSetCookie(), [])
  }
  const state = await ask(cookie, { 'user-agent': 'Thief/1' }, '/auth/session')
  t.strictSame(await state.json(), { authenticated: false })
  t.equal((await ask(cookie, { 'user-agent': 'Thief/1' }, '/auth/verify')).status, 401)
  t.equal((await ask(cookie, { ...mine, 'x-forwarded-for': '203.0.113.9' })).status, 200)
  t.equal(api.requests.length, 2)
})

t.test('bound to the network, by what a trusted proxy says of the client', async (t) => {
  const { login, ask } = await bound(t, '{ address_prefix: true }')
  const from = (address: string) => ({ 'x-forwarded-for': address })
  const four = await login(from('203.0.113.9'))
  const six = await login(from('2001:db8:1:2::5'))
  const status = async (cookie: string, address: string) => (await ask(cookie, from(address))).status
  t.equal(await status(four, '203.0.113.200'), 200)
  t.equal(await status(four, '203.0.112.9'), 401)
  t.equal(await status(four, '2001:db8:1:2::5'), 401)
  t.equal(await status(four, '203.0.113.9, 198.51.100.1'), 401, 'the nearest address that is not trusted counts')
  t.equal(await status(six, '2001:db8:1:2:ffff::1'), 200)
  t.equal(await status(six, '2001:db8:1:3::5'), 401)
})

t.test('a session that was opened before it was bound goes on', async (t) => {
  const { bff, login, status, settingsWith } = await stand(t)
  const cookie = await login()
  await bff.reload({ 'settings.yaml': settingsWith('session: { bind: { user_agent: true, address_prefix: 32 } }') })
  t.equal(await status(cookie), 200)
})
