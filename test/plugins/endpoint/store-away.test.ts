import t from 'tap'
import { page } from './browse.ts'
import { stand } from './stand.ts'
import { wireFetch } from './wire-fetch.ts'

type Fails = 'rejects' | 'throws' | 'answers nonsense' | 'deletes nothing'
const shared = globalThis as { storeFails?: Fails | undefined }

const memory = new URL('../../../plugins/session-store/memory.ts', import.meta.url).href
/** A store of somebody else's make: its errors are its own, and carry no code of ours. */
const store = `
import { MemoryStore } from '${memory}'
const inner = new MemoryStore()
const failing = (name) => (...given) => {
  const how = globalThis.storeFails
  if (how === 'throws') throw new Error('ECONNREFUSED 10.1.2.3:6379')
  if (how === 'rejects') return Promise.reject(new Error('ECONNREFUSED 10.1.2.3:6379'))
  if (how === 'deletes nothing' && name === 'delete') throw new Error('READONLY')
  if (how === 'answers nonsense') return { value: 'nonsense', version: 7 }
  return inner[name](...given)
}
const calls = Object.fromEntries(['get', 'put', 'touch', 'delete', 'take', 'lease'].map((name) => [name, failing(name)]))
export default {
  kind: 'session-store',
  name: 'theirs',
  open: () => ({ ...calls, reach: 'process', async *find(index) { await failing('get')(''); yield* inner.find(index) } }),
}
`

const { url, idp, login } = await stand(t, {
  settings: 'session: { store: ./store.ts }',
  files: { 'store.ts': store },
})
idp.claims = { sid: 's1' }
const cookie = await login()
const at = Math.floor(Date.now() / 1000)
const logoutToken = await idp.sign({
  ...{ iss: idp.issuer, aud: 'bff', iat: at, exp: at + 600, jti: 'j1', sid: 's1', sub: 'ada' },
  events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
})
const state = 'A'.repeat(43)

const asked: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['GET', '/api/x', {}],
  ['GET', '/auth/session', {}],
  ['GET', '/api/auth/session', {}],
  ['GET', '/auth/verify', {}],
  ['GET', '/auth/forward', {}],
  ['POST', '/auth/logout', {}],
  ['GET', '/auth/login', page],
  ['GET', `/auth/callback?code=c&state=${state}`, { ...page, cookie: `${cookie}; bff_login=${state}` }],
]

/** `wireFetch` sends no bodies. */
function backchannel(): Promise<Response> {
  return fetch(`${url}/auth/backchannel-logout`, {
    method: 'POST',
    body: new URLSearchParams({ logout_token: logoutToken }),
  })
}
const frontchannel = `${url}/auth/frontchannel-logout?iss=${encodeURIComponent(idp.issuer)}&sid=s1`

async function answers(how: Fails) {
  shared.storeFails = how
  try {
    const all = asked.map(async ([method, path, more]) => {
      const answer = await wireFetch(url + path, { method, headers: { cookie, ...more } })
      return { path, answer, text: await answer.text() }
    })
    const others = [backchannel(), fetch(frontchannel)].map(async (sent, n) => {
      const answer = await sent
      return { path: ['/auth/backchannel-logout', '/auth/frontchannel-logout'][n]!, answer, text: await answer.text() }
    })
    return await Promise.all([...all, ...others])
  } finally {
    shared.storeFails = undefined
  }
}

for (const how of ['rejects', 'throws'] as const)
  t.test(`a store that ${how} is 503 everywhere, with a time to come back, and nobody is signed out`, async (t) => {
    for (const { path, answer, text } of await answers(how)) {
      t.equal(answer.status, 503, path)
      t.match(text, /STORE_UNAVAILABLE/, path)
      t.ok(Number(answer.headers.get('retry-after')) >= 1, path)
      t.strictSame(answer.headers.getSetCookie(), [], path)
      t.notMatch(text, /10\.1\.2\.3|ECONNREFUSED/, path)
    }
    t.equal((await wireFetch(`${url}/api/x`, { headers: { cookie } })).status, 200)
  })

t.test('what no store should do is a fault of the bridge: INTERNAL, never called a passing one', async (t) => {
  const told = (await answers('answers nonsense')).filter(({ path }) => !/login|logout/.test(path))
  for (const { path, answer, text } of told) {
    t.equal(answer.status, 500, path)
    t.match(text, /INTERNAL/, path)
    t.notMatch(text, /TypeError|nonsense/, path)
    t.equal(answer.headers.get('retry-after'), null, path)
  }
})

t.test('a logout token whose sessions could not be ended is good for a second try', async (t) => {
  shared.storeFails = 'deletes nothing'
  t.teardown(() => {
    shared.storeFails = undefined
  })
  t.equal((await backchannel()).status, 503)
  shared.storeFails = undefined
  t.equal((await wireFetch(`${url}/api/x`, { headers: { cookie } })).status, 200)
  t.equal((await backchannel()).status, 200)
  t.equal((await wireFetch(`${url}/api/x`, { headers: { cookie } })).status, 401)
})
