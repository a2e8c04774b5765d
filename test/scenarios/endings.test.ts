// However a request ends, its log line is there exactly once and says how.
import http from 'node:http'
import t, { type Test } from 'tap'
import { type RunningBascule, startBascule } from '../kit/bascule.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { startUpstream } from '../kit/upstream.ts'

const boom = `export default ({ defineStage }) => defineStage({
  name: 'boom',
  setup: () => () => ({ run(x) { if (x.header('x-boom')) throw new Error('boom'); return x.proceed() } }),
})`

async function start(t: Test) {
  let reset: () => unknown = () => {}
  const upstream = await startUpstream(t, (req, res) => {
    if (req.url === '/ok') return void res.end('fine')
    if (req.url === '/reset') {
      res.writeHead(200, { 'content-length': '100' })
      res.write('half of it')
      reset = () => res.socket?.resetAndDestroy()
      return
    }
    if (req.url === '/drip') {
      res.writeHead(200)
      return void res.write('first')
    }
    upstreamHolds(req.url ?? '')
  })
  const held = new Map<string, () => void>()
  const upstreamHolds = (path: string) => held.get(path)?.()
  const bascule = await startBascule(t, {
    'settings.yaml': settings('server: { drain_timeout: 250ms }'),
    'profiles/audience-bridge.yaml': profile([
      'route-match',
      './boom.ts',
      'session-auth',
      'token-resolve',
      'header-inject',
      'forward',
      'log',
    ]),
    'boom.ts': boom,
    'routes.yaml': `
services:
  api: { base_url: "${upstream.url}" }
  slow: { base_url: "${upstream.url}", timeout: 150ms }
  dead: { base_url: "http://127.0.0.1:9" }
routes:
  - { id: open, path: "/open/*", target_service: api, upstream_path: "/{path}", auth: none }
  - { id: slow, path: "/slow/*", target_service: slow, upstream_path: "/{path}", auth: none }
  - { id: dead, path: "/dead", target_service: dead, upstream_path: "/", auth: none }
  - { id: guarded, path: "/guarded", target_service: api, upstream_path: "/ok", auth: session }
`,
  })
  const arrives = (path: string) => new Promise<void>((resolve) => held.set(path, resolve))
  return { bascule, arrives, reset: () => reset() }
}

interface Sent {
  readonly request: http.ClientRequest
  /** Resolves with the status at the head, and with 'torn' or 'whole' at the end. */
  readonly head: Promise<number>
  readonly end: Promise<'torn' | 'whole'>
}

function send(bascule: RunningBascule, path: string, id: string, headers: http.OutgoingHttpHeaders = {}): Sent {
  const { hostname, port } = new URL(bascule.url)
  const request = http.request({ hostname, port, path, headers: { ...headers, 'x-correlation-id': id }, agent: false })
  let settleEnd: (how: 'torn' | 'whole') => void
  const end = new Promise<'torn' | 'whole'>((resolve) => {
    settleEnd = resolve
  })
  const head = new Promise<number>((resolve) => {
    request.on('response', (response) => {
      resolve(response.statusCode ?? 0)
      response.on('error', () => settleEnd('torn'))
      response.on('close', () => settleEnd(response.complete ? 'whole' : 'torn'))
      response.resume()
    })
  })
  request.on('error', () => settleEnd('torn'))
  request.end()
  return { request, head, end }
}

const endOf = (bascule: RunningBascule, id: string) =>
  bascule.line((l) => l.correlation_id === id && l.outcome !== undefined)

async function once(t: Test, bascule: RunningBascule, id: string, expected: object) {
  t.match(await endOf(bascule, id), expected, id)
  t.equal(
    bascule.lines.filter((l) => l.correlation_id === id && l.outcome !== undefined).length,
    1,
    `${id} has one line`,
  )
}

t.test('each ending is logged exactly once with its outcome', async (t) => {
  const { bascule, arrives, reset } = await start(t)

  t.equal(await send(bascule, '/open/ok', 'answered').end, 'whole')
  await once(t, bascule, 'answered', { outcome: 'completed', status: 200, route: 'open' })

  t.equal(await send(bascule, '/guarded', 'denied').head, 401)
  await once(t, bascule, 'denied', {
    outcome: 'rejected',
    status: 401,
    code: 'SESSION_REQUIRED',
    msg: /token_found=False service=api/,
  })

  t.equal(await send(bascule, '/nowhere', 'unrouted').head, 404)
  await once(t, bascule, 'unrouted', { outcome: 'rejected', status: 404, code: 'ROUTE_NOT_FOUND' })

  t.equal(await send(bascule, '/open/../x', 'refused-by-core').head, 400)
  await once(t, bascule, 'refused-by-core', { outcome: 'rejected', status: 400, code: 'BAD_TARGET' })

  t.equal(await send(bascule, '/dead', 'upstream-refused').head, 502)
  await once(t, bascule, 'upstream-refused', { outcome: 'failed', status: 502, code: 'UPSTREAM_UNREACHABLE' })

  const torn = send(bascule, '/open/reset', 'upstream-reset')
  t.equal(await torn.head, 200)
  reset()
  t.equal(await torn.end, 'torn')
  await once(t, bascule, 'upstream-reset', { outcome: 'failed', status: 200 })

  t.equal(await send(bascule, '/slow/never', 'upstream-timeout').head, 504)
  await once(t, bascule, 'upstream-timeout', { outcome: 'failed', status: 504, code: 'UPSTREAM_TIMEOUT' })

  t.equal(await send(bascule, '/open/ok', 'stage-throws', { 'x-boom': '1' }).head, 500)
  await once(t, bascule, 'stage-throws', { outcome: 'failed', status: 500, code: 'INTERNAL' })

  const early = arrives('/hold-early')
  const before = send(bascule, '/open/hold-early', 'abort-before-head')
  await early
  before.request.destroy()
  await once(t, bascule, 'abort-before-head', { outcome: 'aborted' })

  const after = send(bascule, '/open/drip', 'abort-after-head')
  t.equal(await after.head, 200)
  after.request.destroy()
  await once(t, bascule, 'abort-after-head', { outcome: 'aborted', status: 200 })

  const held = arrives('/hold-drain')
  const drained = send(bascule, '/open/hold-drain', 'drain')
  await held
  const stopped = bascule.stop()
  t.equal(await drained.head, 503)
  await stopped
  await once(t, bascule, 'drain', { outcome: 'failed', status: 503, code: 'DRAINING' })
})

t.test('what node cannot parse is answered as a problem, and logged once', async (t) => {
  const { bascule } = await start(t)
  const { connect } = await import('node:net')
  const { port } = new URL(bascule.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('GET / HTTP/1.1\r\nBad Header: x\r\n\r\n')
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  t.match(
    Buffer.concat(chunks).toString(),
    /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*"code":"BAD_REQUEST"/,
  )
  t.match(await bascule.line((l) => l.code === 'BAD_REQUEST'), { outcome: 'rejected', status: 400 })
  t.equal(bascule.lines.filter((l) => l.code === 'BAD_REQUEST').length, 1)
})
