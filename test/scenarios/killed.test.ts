// node only: the processes that are killed are node's, whichever runtime asks
// timeout: 120s
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { loginByFetch } from '../kit/login.ts'
import { type SharedBridge, startSharedBridge } from '../kit/shared-bridge.ts'

type Victim = Awaited<ReturnType<SharedBridge['process']>>

/** Sends the head and a first byte of each answer, and keeps the rest. */
const service = createServer((req, res) => {
  req.resume()
  res.writeHead(200, { 'content-type': 'text/plain' }).write('.')
  if (!req.url?.endsWith('/slow')) res.end()
})
service.listen(0, '127.0.0.1')
await once(service, 'listening')
t.teardown(() => {
  service.close()
  service.closeAllConnections()
})

const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
const bridge = await startSharedBridge(t, { accessTokenTtl: 600, analyticsUrl: url })
const { idp, store, bascule, origin } = bridge
const names = ['lease', 'unsent', 'unanswered', 'unstored', 'stored', 'answering']
const victims = new Map(await Promise.all(names.map(async (name) => [name, await bridge.process(name)] as const)))

t.beforeEach(() => {
  idp.intercept = undefined
  store.before = undefined
  store.after = undefined
})

/** A session without a service's token: the identity provider is away just after the login. */
async function freshSession(): Promise<string> {
  const from = bascule.lines.length
  idp.intercept = async (req, res) => {
    if (req.url !== '/token' || idp.counts.code <= before) return false
    res.writeHead(503).end()
    return true
  }
  const before = idp.counts.code
  const { cookie } = await loginByFetch(origin)
  await bascule.line(({ msg }) => msg.startsWith('bff_service_tokens_mapped'), from)
  idp.intercept = undefined
  return cookie
}

async function ask(at: string, cookie: string, path = 'x') {
  const answer = await fetch(`${at}/api/v1/analytics/${path}`, { headers: { cookie, accept: 'application/json' } })
  return {
    status: answer.status,
    body: answer.headers.get('content-type')?.includes('json') ? await answer.json() : {},
  }
}

/** Asks at the victim, which dies of it; then at the other one, when the dead one's lease has run out. */
async function askTwice(name: string, cookie: string) {
  const victim = victims.get(name) as Victim
  const dead = once(victim.child, 'exit')
  await fetch(`${victim.url}/api/v1/analytics/x`, { headers: { cookie } }).then(
    () => {
      throw new Error(`${name} answered`)
    },
    () => {},
  )
  await dead
  await store.expireLeases(name)
  return ask(origin, cookie)
}

const kill = (name: string) => victims.get(name)?.child.kill('SIGKILL')

t.test('killed with the lease in hand, before it asked: the session goes on', async (t) => {
  const cookie = await freshSession()
  store.after = ({ op, from }) => !(op === 'lease' && from === 'lease' && kill(from))
  t.match(await askTwice('lease', cookie), { status: 200 })
})

t.test('killed when it had asked, and the question was lost: the session goes on', async (t) => {
  const cookie = await freshSession()
  idp.intercept = (req) => {
    idp.intercept = undefined
    kill('unsent')
    req.socket.destroy()
    return true
  }
  t.match(await askTwice('unsent', cookie), { status: 200 })
})

t.test('killed before the answer came: the one refresh token there was is lost, and the session says so', async (t) => {
  const cookie = await freshSession()
  idp.intercept = (_req, res) => {
    idp.intercept = undefined
    res.end = () => {
      kill('unanswered')
      return res.destroy()
    }
    return false
  }
  const spent = idp.counts.refresh
  t.match(await askTwice('unanswered', cookie), {
    status: 401,
    body: { code: 'SESSION_REQUIRED', reason: 'grant_lost', login_url: /\/auth\/login/ },
  })
  t.equal(idp.counts.refresh, spent + 1)
  t.equal(idp.counts.reuse, 1)
})

t.test('killed before the answer was stored: the session says that its grant is lost', async (t) => {
  const cookie = await freshSession()
  // A session's first use is written down, too: the put that counts comes after the redeem.
  const spent = idp.counts.token
  store.before = ({ op, from }) => !(op === 'put' && from === 'unstored' && idp.counts.token > spent && kill(from))
  t.match(await askTwice('unstored', cookie), { status: 401, body: { reason: 'grant_lost' } })
})

t.test('killed when the answer was stored: the session goes on with it', async (t) => {
  const cookie = await freshSession()
  const spent = idp.counts.token
  store.after = ({ op, from }) => !(op === 'put' && from === 'stored' && idp.counts.token > spent && kill(from))
  t.match(await askTwice('stored', cookie), { status: 200 })
  t.equal(idp.counts.token, spent + 1, 'nobody minted again')
})

t.test('killed while the service answered: the session goes on', async (t) => {
  const cookie = await freshSession()
  const { url } = victims.get('answering') as Victim
  const answer = await fetch(`${url}/api/v1/analytics/slow`, { headers: { cookie } })
  t.equal(answer.status, 200)
  const spent = idp.counts.token
  kill('answering')
  await t.rejects(answer.text())
  t.match(await ask(origin, cookie), { status: 200 })
  t.equal(idp.counts.token, spent)
})
