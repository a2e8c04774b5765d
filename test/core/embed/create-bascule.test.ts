// A bridge composed in TypeScript: the same loader and proofs as for a config directory, inside a program of somebody else's.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import http2, { type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { z } from 'zod'
import {
  type Bascule,
  type BasculeConfig,
  ConfigError,
  createBascule,
  defineEndpoint,
  defineService,
  defineStage,
  type Stage,
} from '../../../core/index.ts'
import { forward, headerInject, log, routeMatch, sessionAuth, tokenResolve } from '../../../plugins/index.ts'
import { MemoryStore } from '../../../plugins/session-store/memory.ts'

const settings = {
  auth: { issuer: 'http://127.0.0.1:9', client_id: 'bff', client_secret: 'a-secret-of-the-test' },
  service_audiences: { api: 'https://api.example' },
}
/** The default profile, without log: the lines of tests are read from loggers of their own. */
const stages: readonly Stage[] = [routeMatch, sessionAuth, tokenResolve, headerInject, forward]

class Lines {
  readonly all: { readonly level: string; readonly msg: string; readonly fields: object }[] = []
  readonly logger = {
    debug: this.#at('debug'),
    info: this.#at('info'),
    warn: this.#at('warn'),
    error: this.#at('error'),
  }
  get messages(): readonly string[] {
    return this.all.map(({ msg }) => msg)
  }
  #at(level: string) {
    return (fields: object, msg: string) => void this.all.push({ level, msg, fields })
  }
}

async function listening(t: Test, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Says what it was asked. */
async function backend(t: Test, answer = 'backend'): Promise<string> {
  return listening(
    t,
    createServer((req, res) => {
      let body = ''
      req.on('data', (piece: Uint8Array) => {
        body += new TextDecoder().decode(piece)
      })
      req.on('end', () => res.end(`${answer} ${req.method} ${req.url} ${body}`.trim()))
    }),
  )
}

function config(base_url: string, more: Partial<BasculeConfig> = {}): BasculeConfig {
  return {
    stages,
    services: { api: { base_url, timeout: '5s' } },
    routes: [
      { id: 'open', path: '/open/*', target_service: 'api', upstream_path: '/{path}', auth: 'none' },
      { id: 'api', path: '/api/*', target_service: 'api', upstream_path: '/{path}' },
    ],
    settings,
    log: new Lines().logger,
    ...more,
  }
}

function started(t: Test, options: BasculeConfig): Bascule {
  const bascule = createBascule(options)
  t.teardown(() => bascule.close())
  return bascule
}

/** What is wrong, one a line, as an operator would read it. */
async function problemsOf(options: BasculeConfig): Promise<string[]> {
  const bascule = createBascule(options)
  const error: unknown = await bascule.ready.then(
    () => undefined,
    (why: unknown) => why,
  )
  await bascule.close()
  if (!(error instanceof ConfigError)) throw new Error(`not refused: ${String(error)}`)
  return error.message.split('\n').filter((line) => line.includes(' error '))
}

t.test('listens by itself, and runs the stages it was given', async (t) => {
  const bascule = started(t, config(await backend(t)))
  const url = await bascule.listen({ port: 0 })
  const open = await fetch(`${url}/open/a%20b?q=1`)
  t.same([open.status, await open.text()], [200, 'backend GET /a%20b?q=1'])
  const api = await fetch(`${url}/api/x`)
  t.match([api.status, await api.json()], [401, { code: 'SESSION_REQUIRED', route: 'api' }])
  const session = await fetch(`${url}/auth/session`)
  t.same(await session.json(), { authenticated: false }, 'with the endpoints that a stage brings')
})

t.test('answers inside a server of somebody else', async (t) => {
  const bascule = started(t, config(await backend(t)))
  const url = await listening(
    t,
    createServer((req, res) => {
      if (req.url?.startsWith('/open/')) return bascule.handler(req, res)
      res.end('mine')
    }),
  )
  await bascule.ready
  t.equal(await (await fetch(`${url}/`)).text(), 'mine')
  const upload = await fetch(`${url}/open/u`, { method: 'POST', body: 'x'.repeat(200_000) })
  t.equal(await upload.text(), `backend POST /u ${'x'.repeat(200_000)}`, 'bodies go through')
})

t.test('a request that is spoilt already is refused, and the log says by what', async (t) => {
  const lines = new Lines()
  const bascule = started(t, config(await backend(t), { log: lines.logger }))
  await bascule.ready
  const url = await listening(
    t,
    createServer(async (req, res) => {
      if (req.url === '/open/late') res.end('mine')
      else for await (const _ of req);
      bascule.handler(req, res)
    }),
  )
  t.equal(await (await fetch(`${url}/open/late`)).text(), 'mine')
  const read = await fetch(`${url}/open/read`, { method: 'POST', body: 'gone' })
  t.match([read.status, await read.json()], [500, { code: 'INTERNAL' }])
  const bodyless = await fetch(`${url}/open/none`)
  t.equal(bodyless.status, 200, 'a request without a body has none that could be gone')
  t.match(
    lines.all.filter(({ level }) => level === 'error').map(({ msg }) => msg),
    [/^handler_called_late: .*; give each request to one of the two$/, /^body_read_early: .*; call the handler before/],
  )
})

t.test('HTTP/2 is refused: its heads cannot be written as they are', async (t) => {
  const bascule = started(t, config('http://127.0.0.1:1'))
  await bascule.ready
  type Handler = (req: Http2ServerRequest, res: Http2ServerResponse) => void
  const server = http2.createServer(bascule.handler as unknown as Handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => {
    client.destroy()
    server.close()
  })
  const [head] = (await once(client.request({ ':path': '/open/x' }), 'response')) as [Record<string, unknown>]
  t.equal(head[':status'], 505)
})

t.test('all problems are told at once, each with its place in the data', async (t) => {
  const problems = await problemsOf(
    config('ftp://x', {
      stages: [routeMatch, { use: sessionAuth, with: { on: true } }, headerInject, tokenResolve, forward],
      settings: {
        ...settings,
        auth: { ...settings.auth, client_idd: 'x' },
        'sess-ion': {},
      } as BasculeConfig['settings'],
      routes: [
        { id: 'a', path: '/a/*', target_service: 'apo', upstream_path: '/{path}' },
        { id: 'b', path: 'b', target_service: 'api', preserve_path: true },
      ],
    }),
  )
  const places = new Set(problems.map((line) => line.split(' error ')[0]))
  t.same([...places].sort(), [
    'createBascule().routes[0].target_service',
    'createBascule().routes[1].path',
    'createBascule().services.api.base_url',
    'createBascule().settings.auth.client_idd',
    'createBascule().settings["sess-ion"]',
    'createBascule().stages[1].with',
    'createBascule().stages[2]',
  ])
  t.match(
    problems.join('\n'),
    /stages\[2\] error stage header-inject wants the slot token, but token-resolve, .* stands after it; move/,
  )
})

t.test('the server and the log of the caller are checked, too', async (t) => {
  const server = { port: 70_000, trusted_proxies: ['10.0.0.0/8', 'nonsense'] }
  const problems = await problemsOf(config('http://127.0.0.1:1', { server, log: { level: 'loud' as 'info' } }))
  t.same(
    problems.map((line) => line.split(' error ')[0]),
    ['createBascule().log.level', 'createBascule().server.port', 'createBascule().server.trusted_proxies[1]'],
  )
})

t.test('ten places come in the order of the data, not of the alphabet', async (t) => {
  const routes = Array.from({ length: 12 }, (_, i) => ({
    id: `r${i}`,
    path: 'x',
    target_service: 'api',
    preserve_path: true,
  }))
  const problems = await problemsOf(config('http://127.0.0.1:1', { routes }))
  t.same(
    problems.map((line) => /routes\[(\d+)\]/.exec(line)?.[1]),
    routes.map((_, i) => String(i)),
  )
})

const refused: Readonly<Record<string, readonly [Partial<BasculeConfig>, RegExp]>> = {
  'a hole in the list': [
    { stages: [routeMatch, undefined as unknown as Stage, forward] },
    /^createBascule\(\)\.stages\[1\] error this is undefined, where a plugin belongs; give what defineStage made$/m,
  ],
  'a stage with a misspelt key': [
    { stages: [routeMatch, { name: 'x', setup: () => () => ({}), need: [] } as unknown as Stage] },
    /stages\[1\] error this plugin has an unknown key need \(did you mean needs\?\)/,
  ],
  'two stages of one name': [
    { stages: [routeMatch, { ...sessionAuth }, sessionAuth, tokenResolve, headerInject, forward] },
    /stages\[2\] error two plugins are called session-auth; give each a name of its own/,
  ],
  'a variable, as in YAML': [
    { settings: { ...settings, auth: { ...settings.auth, client_secret: '${BFF_SECRET}' } } },
    /settings\.auth\.client_secret error \$\{BFF_SECRET\} is replaced in YAML files only; write process\.env\.BFF_SECRET/,
  ],
  'a secret file, as in YAML': [
    { settings: { ...settings, session: { keys: ['file:secrets/key'] } } },
    /settings\.session\.keys\[0\] error file: is read in YAML files only; read the file yourself/,
  ],
  'a function among the options': [
    { stages: [routeMatch, { use: 'session-auth', with: { pick: () => 1 } }, tokenResolve, headerInject, forward] },
    /stages\[1\]\.with\.pick error pick is a function, and config is plain data/,
  ],
  'an object of a class': [
    { server: { public_url: new URL('http://localhost:1') as unknown as string } },
    /server\.public_url error public_url is an object of the class URL; config is plain data/,
  ],
  'a number that is none': [{ server: { port: Number.NaN } }, /server\.port error/],
  'a setting of the program': [
    { server: { admin_port: 9090 } as BasculeConfig['server'] },
    /server\.admin_port error an embedded bridge opens no admin listener; remove this/,
  ],
  'a section that stands beside': [
    { settings: { ...settings, server: {} } as BasculeConfig['settings'] },
    /settings\.server error server stands beside settings, not in it; move it up/,
  ],
  'no stages at all': [
    { stages: undefined as unknown as readonly Stage[] },
    /^createBascule\(\) error a profile needs stages: .*$(?!\n)/m,
  ],
  'a profile that is nowhere': [
    { routes: [{ id: 'a', path: '/a', target_service: 'api', preserve_path: true, profile: 'nowhere' }] },
    /routes\[0\]\.profile error there is no profile nowhere; give it in profiles, or name another/,
  ],
}

for (const [what, [more, message]] of Object.entries(refused)) {
  t.test(`refused: ${what}`, async (t) => {
    t.match((await problemsOf(config('http://127.0.0.1:1', more))).join('\n'), message)
  })
}

t.test('data that holds itself is refused, not followed', async (t) => {
  const circle: Record<string, unknown> = {}
  circle.inner = circle
  const problems = await problemsOf(config('http://127.0.0.1:1', { settings: { ...settings, cors: circle } }))
  t.match(problems.join('\n'), /is nested too deeply, or holds itself/)
})

t.test('a secret is not quoted in a message', async (t) => {
  const auth = { ...settings.auth, client_secret: 'hunter2-hunter2' }
  const quoting = defineStage({
    name: 'quoting',
    problems: () => ['the secret hunter2-hunter2 is weak'],
    setup: () => () => ({ run: (x) => x.proceed() }),
  })
  const problems = await problemsOf(
    config('http://127.0.0.1:1', {
      settings: { ...settings, auth },
      stages: [routeMatch, quoting, sessionAuth, tokenResolve, headerInject, forward],
    }),
  )
  t.match(problems.join('\n'), /the secret \[hidden\] is weak/)
  t.notMatch(problems.join('\n'), /hunter2/)
})

t.test('stages take options, packages export functions, and the built-in ones go by name', async (t) => {
  const stamp = defineStage({
    name: 'stamp',
    options: z.strictObject({ text: z.string() }),
    setup: (host) => () => ({
      run: (x) => x.proceed(),
      response(_x, head) {
        head.headers.set('x-stamp', host.options.text)
      },
    }),
  })
  const bascule = started(
    t,
    config(await backend(t), {
      stages: [
        'route-match',
        { use: stamp, with: { text: 'hello' } },
        'session-auth',
        ({ defineStage }) => defineStage({ name: 'quiet', setup: () => () => ({ run: (x) => x.proceed() }) }),
        tokenResolve,
        headerInject,
        'forward',
      ],
    }),
  )
  const answer = await fetch(`${await bascule.listen({ port: 0 })}/open/x`)
  t.same([answer.status, answer.headers.get('x-stamp')], [200, 'hello'])
})

t.test('plugins of other kinds are given under the name that config uses', async (t) => {
  let opened = 0
  const whoami = defineEndpoint({
    name: 'whoami',
    paths: () => [{ id: 'whoami', path: '/whoami', methods: ['GET'], auth: 'none' }],
    setup: () => () => (x) => x.reply(200, 'OK', { body: 'nobody' }),
  })
  const store = defineService({
    kind: 'session-store',
    name: 'counting',
    open() {
      opened++
      return new MemoryStore()
    },
  })
  const bringer = defineStage({ name: 'bringer', brings: ['whoami'], setup: () => () => ({ run: (x) => x.proceed() }) })
  const options = config(await backend(t), {
    stages: [routeMatch, bringer, sessionAuth, tokenResolve, headerInject, forward],
    plugins: { whoami, mine: store },
    settings: { ...settings, session: { store: 'mine' } },
  })
  const bascule = started(t, options)
  const url = await bascule.listen({ port: 0 })
  t.equal(await (await fetch(`${url}/whoami`)).text(), 'nobody')
  await bascule.reload(options)
  t.equal(opened, 1, 'a reload keeps what is shared')
})

t.test('a route may name another profile, made from a built-in one', async (t) => {
  const deny = defineStage({ name: 'deny', setup: () => () => ({ run: (x) => x.reply(403, 'FORBIDDEN') }) })
  const bascule = started(
    t,
    config(await backend(t), {
      plugins: { deny },
      profiles: { strict: { extends: 'audience-bridge', insert: [{ use: 'deny', after: 'route-match' }] } },
      routes: [
        { id: 'a', path: '/a', target_service: 'api', preserve_path: true, auth: 'none' },
        { id: 'b', path: '/b', target_service: 'api', preserve_path: true, auth: 'none', profile: 'strict' },
      ],
    }),
  )
  const url = await bascule.listen({ port: 0 })
  t.same([(await fetch(`${url}/a`)).status, (await fetch(`${url}/b`)).status], [200, 403])
})

t.test('reload swaps the config, and a bad one changes nothing', async (t) => {
  const [first, second] = [await backend(t, 'first'), await backend(t, 'second')]
  const lines = new Lines()
  const bascule = started(t, config(first, { log: lines.logger }))
  const url = await bascule.listen({ port: 0 })
  const open = async () => (await fetch(`${url}/open/x`)).text()
  t.equal(await open(), 'first GET /x')
  await bascule.reload(config(second, { log: lines.logger }))
  t.equal(await open(), 'second GET /x')
  t.ok(lines.messages.includes('config_reloaded'))
  await t.rejects(bascule.reload(config('no url', { log: lines.logger })), {
    name: 'ConfigError',
    message: /services\.api\.base_url error/,
  })
  await t.rejects(bascule.reload(config(first)), { message: /log error a reload cannot change where lines go/ })
  const broken = defineStage({
    name: 'broken',
    setup() {
      throw new Error('no ticket for the ticket machine')
    },
  })
  const failing = { ...config(first, { log: lines.logger }), stages: [routeMatch, broken, ...stages.slice(1)] }
  await t.rejects(bascule.reload(failing), { message: /no ticket/ })
  t.equal(await open(), 'second GET /x', 'what runs goes on')
})

t.test('what the caller changes in its data afterwards changes nothing', async (t) => {
  const routes = [{ id: 'a', path: '/a', target_service: 'api', preserve_path: true, auth: 'session' }]
  const bascule = started(t, config(await backend(t), { routes }))
  routes[0]!.auth = 'none'
  const url = await bascule.listen({ port: 0 })
  routes[0]!.auth = 'none'
  t.equal((await fetch(`${url}/a`)).status, 401)
})

t.test('before it is ready, and after it is closed, requests are told to come again', async (t) => {
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const slow = defineStage({
    name: 'slow',
    async setup() {
      await gate
      return () => ({ run: (x) => x.proceed() })
    },
  })
  const bascule = started(t, config(await backend(t), { stages: [routeMatch, slow, ...stages.slice(1)] }))
  const url = await listening(t, createServer(bascule.handler))
  const early = await fetch(`${url}/open/x`)
  t.match([early.status, early.headers.get('retry-after'), await early.json()], [503, '1', { code: 'OVERLOADED' }])
  open()
  await bascule.ready
  t.equal((await fetch(`${url}/open/x`)).status, 200)
  await bascule.close()
  const late = await fetch(`${url}/open/x`)
  t.match([late.status, late.headers.get('retry-after'), await late.json()], [503, '1', { code: 'DRAINING' }])
  await t.rejects(bascule.listen({ port: 0 }), { message: 'this bridge is closed' })
  await t.rejects(bascule.reload(config('http://127.0.0.1:1')), { message: 'this bridge is closed' })
})

t.test('close lets requests under way end, then closes what plugins opened', async (t) => {
  let answer = () => {}
  let closed = false
  const asked = new Promise<void>((resolve) => {
    const server = createServer((_req, res) => {
      answer = () => void res.end(`closed: ${closed}`)
      resolve()
    })
    t.context = listening(t, server)
  })
  const keeper = defineStage({
    name: 'keeper',
    setup(host) {
      host.onClose(() => {
        closed = true
      })
      return () => ({ run: (x) => x.proceed() })
    },
  })
  const base = await (t.context as Promise<string>)
  const bascule = started(t, config(base, { stages: [routeMatch, keeper, ...stages.slice(1)] }))
  const url = await bascule.listen({ port: 0 })
  const under = fetch(`${url}/open/x`)
  await asked
  const closing = bascule.close()
  answer()
  t.equal(await (await under).text(), 'closed: false')
  await closing
  t.ok(closed)
  await t.rejects(fetch(url), 'its own listener is gone')
  await bascule.close()
})

t.test('close does not wait for a reload that hangs, and takes nothing of it', async (t) => {
  let go = () => {}
  let begin = () => {}
  let closed = false
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const hanging = new Promise<void>((resolve) => {
    go = resolve
  })
  const stuck = defineStage({
    name: 'stuck',
    async setup(host) {
      host.onClose(() => {
        closed = true
      })
      begin()
      await hanging
      return () => ({ run: (x) => x.proceed() })
    },
  })
  const lines = new Lines()
  const quick = config(await backend(t), { log: lines.logger, server: { drain_timeout: '20ms' } })
  const bascule = started(t, quick)
  await bascule.ready
  const reload = bascule.reload({ ...quick, stages: [routeMatch, stuck, ...stages.slice(1)] })
  const refused = t.rejects(reload, { message: 'this bridge is closed' })
  await begun
  await bascule.close()
  go()
  await refused
  t.ok(closed, 'what the late one had opened is closed')
})

t.test("lines go to the caller's logger, the access line as fields", async (t) => {
  const lines = new Lines()
  const bascule = started(t, config(await backend(t), { stages: [...stages, log], log: lines.logger }))
  await fetch(`${await bascule.listen({ port: 0 })}/open/x`)
  await bascule.close()
  t.match(
    lines.all.find(({ fields }) => 'route' in fields),
    { level: 'info', fields: { route: 'open', status: 200 } },
  )
})

t.test('a taken port is an error that names it', async (t) => {
  const taken = new URL(await backend(t))
  const bascule = started(t, config('http://127.0.0.1:1'))
  await t.rejects(bascule.listen({ port: Number(taken.port) }), { code: 'EADDRINUSE', message: new RegExp(taken.port) })
})

t.test('an embedder mounts the admin pages, and has the numbers as text', async (t) => {
  const bascule = started(t, config(await backend(t)))
  t.equal(await bascule.metrics(), '', 'nothing is counted before the start')
  const admin = await listening(t, createServer(bascule.admin))
  const url = await bascule.listen({ port: 0 })
  await (await fetch(`${url}/open/x`)).text()
  const counted = 'bascule_requests_total{route="open",outcome="completed",status="2xx"} 1\n'
  while (!(await bascule.metrics()).includes(counted)) await new Promise(setImmediate)
  t.match(await (await fetch(`${admin}/metrics`)).text(), counted)
  t.match(await (await fetch(`${admin}/readyz`)).json(), { status: 'ready', generation: 1 })
  t.equal((await fetch(`${admin}/status`, { headers: { origin: 'https://evil.example' } })).status, 403)
  await bascule.close()
  t.equal((await fetch(`${admin}/readyz`)).status, 503)
})
