import t from 'tap'
import type { Session } from '../../plugins/lib/session/session.ts'
import rewriteHeaders from '../../plugins/rewrite-headers.ts'
import { runStage, stageContract } from '../../plugins/testing/index.ts'
import { contractTest } from '../kit/contract-test.ts'

const service = { name: 'api', base_url: 'http://api.test', timeout: 1000, idle_timeout: 1000 }
const upstream = (...headers: string[]) => ({ method: 'GET', path: '/', headers, service, credential: undefined })
const session = (sub: string) => ({ sub }) as Session

stageContract(rewriteHeaders, {
  test: contractTest(t),
  options: { request: { set: { 'X-Team': 'a' } }, response: { remove: ['Server'] } },
  slots: { upstream: upstream('Accept', '*/*') },
})

t.test('set replaces every disguise of a name, add keeps what is there, remove takes it out', async (t) => {
  const sent = upstream(
    'x_team',
    'evil',
    'X-TEAM',
    'evil',
    'Accept',
    '*/*',
    'X-More',
    '1',
    'X-Gone',
    'x',
    'x_gone',
    'y',
  )
  await runStage(rewriteHeaders, {
    options: { request: { set: { 'X-Team': 'red' }, add: { 'X-More': '2' }, remove: ['x-gone'] } },
    slots: { upstream: sent },
  })
  t.same(sent.headers, ['Accept', '*/*', 'X-More', '1', 'X-Team', 'red', 'X-More', '2'])
})

t.test('values name the route, the service, the user and the correlation id', async (t) => {
  const sent = upstream()
  const value = '{route}/{service}/{user}/{correlation_id}'
  await runStage(rewriteHeaders, {
    route: { id: 'tasks', auth: 'session' },
    options: { request: { set: { 'X-From': value } } },
    slots: { upstream: sent, session: session('a\r\nX-Evil: {route} $& é\ud800') },
    request: { headers: { 'X-Correlation-ID': 'c-1' } },
  })
  t.same(sent.headers, ['X-From', 'tasks/api/a%0D%0AX-Evil%3A%20{route}%20$&%20%C3%A9%EF%BF%BD/c-1'])
})

t.test('an answer is rewritten alike', async (t) => {
  const { answer } = await runStage(rewriteHeaders, {
    options: { response: { set: { 'X-Route': '{route}' }, add: { Link: '</a>' }, remove: ['Server', 'X-Powered-By'] } },
    slots: { upstream: upstream() },
    answer: { headers: { server: 'x', 'x-powered-by': 'y', Link: '</b>', 'X-Route': 'theirs' } },
  })
  const { server, 'x-powered-by': powered, link, 'x-route': route } = Object.fromEntries(answer!.headers)
  t.same([server, powered, link, route], [undefined, undefined, '</b>, </a>', 'route'])
})

t.test('what Bascule owns is refused, with what to do instead', async (t) => {
  const problem = (options: object, route = {}) =>
    runStage(rewriteHeaders, { options, route, slots: { upstream: upstream() } }).then(
      () => 'nothing',
      (error: Error) => error.message,
    )
  for (const [name, why] of [
    ['Host', 'base_url'],
    ['Authorization', 'token-resolve'],
    ['Cookie', 'forward_cookies'],
    ['Content-Length', 'written by Bascule'],
    ['Transfer-Encoding', 'written by Bascule'],
    ['Connection', 'written by Bascule'],
    ['X_Original_User', 'written by Bascule'],
    ['x-user-id', 'written by Bascule'],
    ['X-Forwarded-For', 'written by Bascule'],
    ['Via', 'written by Bascule'],
    ['traceparent', 'written by Bascule'],
    ['X Y', 'no header name'],
  ] as const) {
    t.match(await problem({ request: { set: { [name]: 'x' } } }), why, `set ${name}`)
    t.match(await problem({ request: { remove: [name] } }), why, `remove ${name}`)
  }
  for (const [name, why] of [
    ['Set-Cookie', 'plant or drop a session'],
    ['Content-Length', 'framing'],
    ['Access-Control-Allow-Origin', 'cors.allow_origins'],
    ['WWW-Authenticate', 'written by Bascule'],
  ] as const)
    t.match(await problem({ response: { add: { [name]: 'x' } } }), why, name)
  t.match(await problem({ request: { set: { 'X-A': 'a\r\nX-B: b' } } }), 'printable ASCII')
  t.match(await problem({ request: { set: { 'X-A': '{usr}' } } }), 'stands for nothing')
  t.match(await problem({ request: { set: { 'X-A': '{user}' } } }, { auth: 'none' }), 'has no session')
  const publicCache = { response: { set: { 'cache-control': 'public' } } }
  t.match(await problem(publicCache, { auth: 'session' }), 'one session')
  t.equal(await problem(publicCache, { auth: 'none' }), 'nothing')
})
