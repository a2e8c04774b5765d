import t from 'tap'
import { stand } from './stand.ts'

const said = (words: Record<string, string>) => `/auth/frontchannel-logout?${new URLSearchParams(words)}`

t.test('the frame that the identity provider loads ends the session of its sid, which no cookie names', async (t) => {
  const { idp, url, login, status } = await stand(t)
  idp.claims = { sid: 's1' }
  const ended = await login()
  idp.claims = { sid: 's2' }
  const kept = await login()
  const answer = await fetch(url + said({ iss: idp.issuer, sid: 's1' }), { headers: { 'sec-fetch-dest': 'iframe' } })
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.match(answer.headers.get('content-security-policy'), `frame-ancestors ${idp.issuer}`)
  t.equal(answer.headers.get('x-frame-options'), null)
  t.strictSame(answer.headers.getSetCookie(), [])
  t.strictSame(await Promise.all([status(ended), status(kept)]), [401, 200])
})

t.test('without issuer and sid, once each, it ends nothing, whatever cookie comes along', async (t) => {
  const { idp, url, login, status } = await stand(t)
  idp.claims = { sid: 's1' }
  const cookie = await login()
  const { issuer: iss } = idp
  const ask = async (path: string, method = 'GET') => (await fetch(url + path, { method, headers: { cookie } })).status
  t.equal(await ask('/auth/frontchannel-logout'), 400)
  t.equal(await ask(said({ sid: 's1' })), 400)
  t.equal(await ask(said({ iss })), 400)
  t.equal(await ask(said({ iss, sid: '' })), 400)
  t.equal(await ask(said({ iss: 'https://evil.test', sid: 's1' })), 400)
  t.equal(await ask(`${said({ iss, sid: 's2' })}&sid=s1`), 400)
  t.equal(await ask(said({ iss, sid: 's1' }), 'POST'), 405)
  t.equal(await ask(said({ iss, sid: 's2' })), 200, 'a session that is over already')
  t.equal(await status(cookie), 200)
})
