// The admin listener: for operators on this machine, and for nobody's browser tab.
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createAdmin } from '../../core/admin/admin.ts'
import { defineEndpoint, defineStage, type Endpoint } from '../../core/index.ts'
import { type ConfigFiles, startBascule as start } from '../../core/testing/index.ts'

const ended: string[] = []
const lights = defineEndpoint({
  name: 'lights',
  listener: 'admin',
  paths: () => [{ id: 'lights', path: '/acme/lights', methods: ['POST'], auth: 'none' }],
  setup: (host) => () => async (x) => {
    const body = JSON.parse(new TextDecoder().decode(await x.body.bytes(1_000_000))) as object
    return x.reply(200, 'OK', { body: JSON.stringify({ ...body, public: host.routes.map((r) => r.id) }) })
  },
})
const hello = defineStage({
  name: 'hello',
  role: 'terminal',
  brings: ['./lights.js'],
  setup: () => () => ({ run: (x) => x.reply(200, 'OK', { body: 'hello' }) }),
})
const watcher = defineStage({
  name: 'watcher',
  role: 'observer',
  wants: ['route'],
  setup: () => ({
    response(_x, head) {
      head.headers.set('Access-Control-Allow-Origin', '*')
      return undefined
    },
    settled(x, outcome) {
      ended.push(`${x.peek('route')?.id} ${outcome.code}`)
      return undefined
    },
  }),
})

const files: ConfigFiles = {
  'settings.yaml': 'profile: p\n',
  'profiles/p.yaml': 'stages: [route-match, ./hello.js, ./watcher.js]\n',
  'routes.yaml':
    'services: { a: { base_url: "http://127.0.0.1:9" } }\nroutes: [{ id: r, path: "/r", target_service: a, preserve_path: true, auth: none }]\n',
  'lights.js': lights,
  'hello.js': hello,
  'watcher.js': watcher,
}

/** `fetch` sets Host, Origin and Sec-Fetch-Site itself. */
async function ask(url: string, headers: Record<string, string>, method = 'GET', body?: string) {
  const request = http.request(url, { method, headers, agent: false })
  request.end(body)
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage]
  let text = ''
  for await (const piece of answer.setEncoding('utf8')) text += piece
  return { status: answer.statusCode, headers: answer.headers, text }
}

t.test('an endpoint of a plugin answers on the admin listener, and there only', async (t) => {
  const bascule = await start({ files })
  t.teardown(() => bascule.stop())
  const url = `${bascule.adminUrl}/acme/lights`
  const done = await ask(url, { 'Content-Type': 'application/json' }, 'POST', '{"on":true}')
  t.equal(done.status, 200)
  t.same(JSON.parse(done.text), { on: true, public: ['r'] })
  t.equal(done.headers['access-control-allow-origin'], undefined, 'what observers do to heads has no place here')
  while (!ended.includes('lights OK')) await new Promise(setImmediate) // observers are told, a moment later

  t.equal((await fetch(`${bascule.url}/acme/lights`, { method: 'POST', body: '{}' })).status, 404)
  const other = await ask(url, {})
  t.match(other, { status: 405, headers: { allow: 'POST', 'content-type': 'application/problem+json' } })
  t.equal((await ask(`${bascule.adminUrl}/acme/nothing`, {})).status, 404)
  t.equal((await ask(url, {}, 'POST', 'x'.repeat(70_000))).status, 413)
  const posted = await ask(`${bascule.adminUrl}/metrics`, {}, 'POST')
  t.match(posted, { status: 405, headers: { allow: 'GET, HEAD', 'content-type': 'application/problem+json' } })
  t.match(JSON.parse(posted.text), { code: 'METHOD_NOT_ALLOWED', status: 405, correlation_id: /./ })
  t.equal(await bascule.reload(), true)
  t.equal((await ask(url, {}, 'POST', '{"on":false}')).status, 200)
})

t.test('no page of another origin is answered, whatever name it reaches loopback by', async (t) => {
  const bascule = await start({ files })
  t.teardown(() => bascule.stop())
  const { port } = new URL(bascule.adminUrl)
  const own = `127.0.0.1:${port}`
  const refused: Record<string, string>[] = [
    { Host: `evil.example:${port}` },
    { Host: `localhost.evil.example:${port}` },
    { Host: '127.0.0.1.evil.example' },
    { Host: '10.0.0.1' },
    { Host: own, Origin: 'https://evil.example' },
    { Host: own, Origin: 'null' },
    { Host: own, Origin: 'http://127.0.0.1:1' },
    { Host: own, Origin: `https://${own}` },
    { Host: own, 'Sec-Fetch-Site': 'cross-site' },
    { Host: own, 'Sec-Fetch-Site': 'same-site' },
    { Host: own, 'Sec-Fetch-Site': 'same-origin, none' },
  ]
  for (const path of ['/', '/status', '/traces', '/metrics', '/healthz', '/acme/lights']) {
    for (const headers of refused) {
      const { status, text } = await ask(bascule.adminUrl + path, headers, path.startsWith('/acme') ? 'POST' : 'GET')
      t.match({ status, text }, { status: 403, text: '"code":"FORBIDDEN"' }, `${path} ${JSON.stringify(headers)}`)
    }
  }
  const answered: Record<string, string>[] = [
    { Host: own },
    { Host: `localhost:${port}` },
    { Host: `LOCALHOST:${port}` },
    { Host: '[::1]:9090' },
    { Host: 'localhost', 'Sec-Fetch-Site': 'none' },
    { Host: own, Origin: `http://${own}`, 'Sec-Fetch-Site': 'same-origin' },
  ]
  for (const headers of answered) {
    t.equal((await ask(`${bascule.adminUrl}/status`, headers)).status, 200, JSON.stringify(headers))
    t.equal((await ask(`${bascule.adminUrl}/acme/lights`, headers, 'POST', '{}')).status, 200, JSON.stringify(headers))
  }
})

t.test('what an admin endpoint may not ask for is refused when config is loaded', async (t) => {
  const paths = (path: string, auth = 'none') => [{ id: path, path, methods: ['GET'], auth }]
  const setup: Endpoint['setup'] = () => () => (x) => x.reply(200, 'OK')
  const endpoint = (name: string, list: ReturnType<typeof paths>, more = {}) =>
    defineEndpoint({ name, listener: 'admin', paths: () => list, setup, ...more })
  const bringing = (...brings: string[]) => defineStage({ ...hello, brings } as Parameters<typeof defineStage>[0])
  const refusal = (more: ConfigFiles) =>
    start({ files: { ...files, ...more } }).then(
      async (bascule) => {
        await bascule.stop()
        return 'it started'
      },
      (error: Error) => error.message,
    )
  t.match(
    await refusal({
      'hello.js': bringing('./a.js', './b.js', './c.js', './d.js', './e.js', './f.js'),
      'f.js': { ...lights, listener: 'Admin' } as unknown as Endpoint,
      'a.js': endpoint('a', paths('/metrics')),
      'b.js': endpoint('b', paths('/b/*')),
      'c.js': endpoint('c', paths('/c', 'session'), { needs: ['session'] }),
      'd.js': endpoint('d', paths('/same')),
      'e.js': endpoint('e', [{ ...paths('/same')[0]!, id: 'other' }]),
    }),
    new RegExp(
      [
        './f.js has an unknown listener Admin; listeners are public and admin',
        "endpoint ./a.js: /metrics is a page of the admin listener's own; choose another path",
        'endpoint ./b.js: /b/\\* must be an exact path on the admin listener',
        'endpoint ./c.js: auth: session cannot be had on the admin listener, where no stage runs; say none',
        'endpoint ./c.js: nobody gives the slot session on the admin listener, where no stage runs; use host.shared or host.use',
        'endpoint ./e.js: ./d.js \\(.*\\) claims GET /same on the admin listener, too',
      ].join('[^]*'),
    ),
  )
})

t.test('before the start and while it ends, it says so', async (t) => {
  const server = createAdmin({ ready: () => false, generations: () => undefined })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.equal((await ask(`${url}/healthz`, {})).status, 200)
  for (const path of ['/readyz', '/metrics', '/status', '/acme/lights'])
    t.match(await ask(url + path, {}), {
      status: 503,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '1' },
      text: '"detail":"the bridge is starting"',
    })
})

t.test('the console is one page that loads nothing, and state and routes are data', async (t) => {
  const bascule = await start({ files })
  t.teardown(() => bascule.stop())
  const page = await ask(`${bascule.adminUrl}/`, {})
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; connect-src 'self';/,
  })
  t.notMatch(page.text, /(?:src|href)="(?:https?:)?\/\/|innerHTML/)
  const status = JSON.parse((await ask(`${bascule.adminUrl}/status`, {})).text)
  t.match(status, {
    generation: 1,
    in_flight: 0,
    routes: 1,
    endpoints: 1,
    profile: 'p',
    services: [{ name: 'a', origin: 'http://127.0.0.1:9', origins: ['http://127.0.0.1:9'] }],
  })
  const { routes } = JSON.parse((await ask(`${bascule.adminUrl}/routes`, {})).text)
  t.match(routes, [
    {
      id: 'r',
      endpoint: false,
      listener: 'public',
      path: '/r',
      service: 'a',
      stages: ['route-match', './hello.js', './watcher.js'],
    },
    { id: 'lights', listener: 'admin', path: '/acme/lights', methods: ['POST'], service: null },
  ])
})
