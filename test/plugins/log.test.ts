import t from 'tap'
import { fault, type LogSettings, type Outcome, type Route, type Slots } from '../../core/index.ts'
import type { Session } from '../../plugins/lib/session/session.ts'
import log from '../../plugins/log.ts'
import { FakeExchange } from '../kit/fake-exchange.ts'
import { FakeHost, type LogLine, route } from '../kit/fake-host.ts'

const done: Outcome = {
  result: 'completed',
  status: 200,
  stage: 'forward',
  code: 'OK',
  reason: undefined,
  fault: undefined,
  ms: 12.3456,
  bytesIn: 1,
  bytesOut: 2,
}
const analytics = route('/a/*', { id: 'api-analytics', auth: 'session', target_service: 'analytics_service' })
const session = { hash: 'hash-of-session', sub: 'ada' } as Session
const token: Slots['token'] = {
  fingerprint: 'fp',
  audience: 'https://a',
  expiresAt: 0,
  headers: () => ['Authorization', 'Bearer SECRET'],
}

interface Given {
  readonly outcome?: Partial<Outcome>
  readonly slots?: Partial<Slots>
  readonly target?: string
  readonly headers?: string[]
  readonly log?: Partial<LogSettings>
  readonly trusted?: string[]
  readonly routes?: Route[]
}

async function lines({
  outcome,
  slots,
  target = '/a/x?code=SECRET',
  headers,
  log: settings,
  trusted = [],
  routes,
}: Given): Promise<LogLine[]> {
  const host = new FakeHost({
    routes: routes ?? [analytics],
    server: { trusted_proxies: trusted },
    ...(settings && { log: settings }),
  })
  const { settled } = await log.setup(Object.assign(host, { options: {} }) as never)
  const x = new FakeExchange(target, { ...(headers && { headers }), ...(slots && { slots }) })
  settled?.(x, { ...done, ...outcome })
  return host.lines
}

t.test('a request that needs a token says whether there was one', async (t) => {
  const [line, ...more] = await lines({ slots: { route: analytics, session, token } })
  t.same(more, [])
  t.match(line?.fields, {
    level: 30,
    msg: 'token_found=True service=analytics_service',
    route: 'api-analytics',
    service: 'analytics_service',
    method: 'GET',
    path: '/a/x',
    status: 200,
    outcome: 'completed',
    code: 'OK',
    stage: 'forward',
    duration_ms: 12.3,
    bytes_in: 1,
    bytes_out: 2,
    correlation_id: 'id-1',
    client: '192.0.2.7',
    session: 'hash-of-session',
    token: 'fp',
  })
  t.type(line?.fields.time, 'number')
  t.notMatch(line?.msg, 'SECRET')

  const [without] = await lines({
    slots: { route: analytics },
    outcome: {
      result: 'rejected',
      status: 401,
      code: 'NO_TOKEN_AVAILABLE',
      reason: 'no_mapping',
      stage: 'token-resolve',
    },
  })
  t.match(without?.fields, {
    msg: 'token_found=False service=analytics_service',
    status: 401,
    outcome: 'rejected',
    code: 'NO_TOKEN_AVAILABLE',
    reason: 'no_mapping',
  })
})

t.test(
  'every other request has its line too: public routes, endpoints, what no route took, what nobody answered',
  async (t) => {
    const open = route('/p', { id: 'open' })
    const login = {
      ...route('/auth/login', { from: 'endpoint', id: 'login', target_service: '' }),
      service: undefined,
    } as Route
    const [a] = await lines({ routes: [open], slots: { route: open } })
    const [b] = await lines({ routes: [login], slots: { route: login } })
    const [c] = await lines({
      outcome: { result: 'rejected', status: 404, code: 'ROUTE_NOT_FOUND', stage: 'route-match' },
    })
    const [d] = await lines({
      slots: { route: analytics },
      outcome: { result: 'aborted', status: null, code: 'CLIENT_CLOSED' },
    })
    t.match(a?.fields, { msg: 'request', route: 'open', service: 'api' })
    t.match(b?.fields, { msg: 'request', route: 'login' })
    t.notOk('service' in b!.fields)
    t.match(c?.fields, { msg: 'request', code: 'ROUTE_NOT_FOUND' })
    t.notOk('route' in c!.fields)
    t.match(d?.fields, { msg: 'token_found=False service=analytics_service', status: null, outcome: 'aborted' })
  },
)

t.test('a failure is a warning with its causes, at every level', async (t) => {
  const why = fault(
    'UPSTREAM_UNREACHABLE',
    undefined,
    Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' }),
  )
  const failed: Partial<Outcome> = { result: 'failed', status: 502, code: why.code, fault: why }
  for (const level of ['info', 'warn', 'error'] as const) {
    const [line] = await lines({ slots: { route: analytics, token }, outcome: failed, log: { level } })
    t.equal(line?.level, 'warn')
    t.equal(line?.msg, 'token_found=True service=analytics_service')
    t.match(line?.fields, {
      outcome: 'failed',
      cause: 'The service cannot be reached (UPSTREAM_UNREACHABLE): connect refused (ECONNREFUSED)',
    })
  }
  t.same(await lines({ log: { level: 'warn' } }), [], 'what went well is no warning')
})

t.test('for people the same words go through the host’s logger', async (t) => {
  const [line] = await lines({ slots: { route: analytics, session, token }, log: { format: 'text' } })
  t.equal(line?.level, 'info')
  t.equal(line?.msg, 'token_found=True service=analytics_service')
  t.match(line?.fields, { route: 'api-analytics', path: '/a/x', token: 'fp' })
})

t.test('nothing a client sends can forge or break a line, or fill the disk', async (t) => {
  const evil = '/a/"}\n{"level":30,"msg":"token_found=True\u009b2J\u2028\\'
  const [line] = await lines({ target: evil })
  t.equal(line?.fields.path, evil)
  t.match(line?.msg, /^[\x20-\x7e]+$/, 'one line of plain ASCII')
  const [long] = await lines({ target: `/${'x'.repeat(10_000)}` })
  t.ok(String(long?.fields.path).length < 300)
  const [fragment] = await lines({ target: '/cb#access_token=SECRET' })
  t.equal(fragment?.fields.path, '/cb')
})

t.test('the client is the peer, or whom trusted proxies name', async (t) => {
  const headers = ['X-Forwarded-For', '203.0.113.9, 198.51.100.1', 'X-Forwarded-For', '192.0.2.8']
  const seen = async (trusted: string[]) => (await lines({ headers, trusted }))[0]?.fields.client
  t.equal(await seen([]), '192.0.2.7')
  t.equal(await seen(['192.0.2.0/24']), '198.51.100.1', 'read from the near end')
  t.equal(await seen(['192.0.2.7']), '192.0.2.8')
})
