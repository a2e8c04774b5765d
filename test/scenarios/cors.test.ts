// Cross-origin pages with the default profile and one line in settings.yaml: who may read, what a preflight is told, and that an error
// says so too, as a page could otherwise not tell a 401 from a network that is down.
import t, { type Test } from 'tap'
import { type Bridge, startBridge } from '../kit/bridge.ts'
import { loginByFetch } from '../kit/login.ts'
import { rawClient } from '../kit/raw-client.ts'
import { startUpstream } from '../kit/upstream.ts'
import { wireFetch } from '../plugins/endpoint/wire-fetch.ts'

const app = 'http://app.localhost:5173'
const foreign = 'https://evil.test'

async function startCors(t: Test, more = ''): Promise<Bridge> {
  const open = await startUpstream(t, (_req, res) => {
    const said = { 'access-control-allow-origin': '*', 'access-control-allow-private-network': 'true', vary: 'Accept' }
    res.writeHead(200, said).end('open')
  })
  return startBridge(t, {
    settings: `cors: { allow_origins: ["${app}"] }\n${more}`,
    files: ({ crud }) => ({
      'routes.yaml': `
services: { crud_service: { base_url: "${crud.url}" }, open_service: { base_url: "${open.url}" } }
routes:
  - { id: read, path: "/api/crud/*", methods: [GET], target_service: crud_service, preserve_path: true }
  - { id: write, path: "/api/crud/*", methods: [POST], target_service: crud_service, preserve_path: true }
  - { id: open, path: "/open/*", target_service: open_service, preserve_path: true, auth: none }
`,
    }),
  })
}

const corsOf = (answer: Response) =>
  Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('access-control-')))

t.test('a preflight of a listed origin is answered here, without a session, by the route of its method', async (t) => {
  const { origin, bascule, crud } = await startCors(t, 'session: { csrf_header: X-CSRF }')
  const preflight = (path: string, method: string, from = app) =>
    wireFetch(origin + path, {
      method: 'OPTIONS',
      headers: { origin: from, 'access-control-request-method': method, 'access-control-request-headers': 'x-mine' },
    })
  const answer = await preflight('/api/crud/1', 'POST')
  t.equal(answer.status, 204)
  t.strictSame(corsOf(answer), {
    'access-control-allow-origin': app,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'Content-Type, If-Match, If-None-Match, X-Correlation-ID, X-Requested-With, x-csrf',
    'access-control-max-age': '600',
  })
  t.equal(answer.headers.get('vary'), 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers')
  t.match(await bascule.line(({ path }) => path === '/api/crud/1'), { route: 'write', stage: 'cors', status: 204 })
  t.equal((await preflight('/api/crud/1', 'GET')).headers.get('access-control-allow-methods'), 'GET, HEAD')
  t.equal((await preflight('/open/x', 'PROPFIND')).headers.get('access-control-allow-methods')?.at(-1), 'D')

  const wrongMethod = await preflight('/api/crud/1', 'DELETE')
  t.match([wrongMethod.status, wrongMethod.headers.get('allow')], [405, 'GET, POST, HEAD'])
  t.equal(wrongMethod.headers.get('access-control-allow-origin'), app)
  t.equal((await preflight('/nowhere', 'GET')).status, 404)

  for (const from of [foreign, 'null', `${app}.evil.test`, app.toUpperCase(), '*']) {
    const refused = await preflight('/open/x', 'GET', from)
    t.equal(refused.status, 403, from)
    t.strictSame(corsOf(refused), {}, from)
    t.match(await refused.json(), { code: 'FORBIDDEN', reason: 'origin_not_allowed' })
  }
  t.same(crud.requests, [], 'no service saw a preflight')
})

t.test('every answer to a listed origin says so: with a session, without, and errors that core makes', async (t) => {
  const { origin, crud } = await startCors(t)
  const { cookie } = await loginByFetch(origin)
  const ask = (path: string, headers = {}, method = 'GET') =>
    wireFetch(origin + path, { method, headers: { origin: app, 'sec-fetch-site': 'same-site', ...headers } })
  const cases: readonly [number, Promise<Response>][] = [
    [200, ask('/api/crud/1', { cookie })],
    [200, ask('/api/crud/1', { cookie }, 'POST')],
    [401, ask('/api/crud/1')],
    [404, ask('/nowhere')],
    [405, ask('/api/crud/1', {}, 'DELETE')],
    [400, ask('/api/%zz')],
    [501, ask('/api/crud/1', { 'transfer-encoding': 'gzip, chunked' })],
    [200, ask('/auth/session', { cookie })],
    [200, ask('/open/x')],
  ]
  for (const [status, asked] of cases) {
    const answer = await asked
    t.equal(answer.status, status)
    t.strictSame(corsOf(answer), {
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'ETag, Location, Retry-After, X-Correlation-ID',
    })
    t.match(answer.headers.get('vary'), /Origin/)
  }
  t.equal(crud.requests.length, 2)
  const out = await ask('/auth/logout', { cookie, 'sec-fetch-mode': 'cors' }, 'POST')
  t.match([out.status, corsOf(out)], [200, { 'access-control-allow-origin': app }])
})

t.test('nobody else is let in, whatever a service says', async (t) => {
  const { origin } = await startCors(t)
  const { cookie } = await loginByFetch(origin)
  const senders: readonly Record<string, string>[] = [{}, { origin: foreign }, { origin: 'null' }, { origin }]
  for (const headers of senders) {
    for (const path of ['/api/crud/1', '/open/x', '/nowhere', '/api/%zz']) {
      const answer = await wireFetch(origin + path, { headers: { cookie, ...headers } })
      t.strictSame(corsOf(answer), {}, `${path} ${JSON.stringify(headers)}`)
      t.match(answer.headers.get('vary'), /Origin/, 'a cache keeps them apart')
    }
  }
  const posted = await wireFetch(`${origin}/api/crud/1`, {
    method: 'POST',
    headers: { cookie, origin: foreign, 'sec-fetch-site': 'same-site' },
  })
  t.equal(posted.status, 403)

  const twice = rawClient(t, origin)
  twice.send(`GET /open/x HTTP/1.1\r\nHost: x\r\nOrigin: ${app}\r\nOrigin: ${foreign}\r\n\r\n`)
  const [answer] = await twice.answers(1)
  t.equal(answer!.headers.get('access-control-allow-origin'), undefined, 'two origins are nobody')
})

t.test('with an empty list there is no such stage, and a preflight is a request like any other', async (t) => {
  const { origin } = await startBridge(t)
  const headers = { origin: app, 'access-control-request-method': 'GET' }
  const answer = await wireFetch(`${origin}/api/crud/1`, { method: 'OPTIONS', headers })
  t.match([answer.status, corsOf(answer)], [401, {}])
})
