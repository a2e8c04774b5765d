// The test kit tells a good stage from a bad one, and what it runs is what the bridge runs.
import { AssertionError } from 'node:assert'
import { Buffer } from 'node:buffer'
import process from 'node:process'
import t from 'tap'
import { z } from 'zod'
import { defineEndpoint, defineStage, type Kit, type Log, type Stage } from '../../core/index.ts'
import forward from '../../plugins/forward.ts'
import headerInject from '../../plugins/header-inject.ts'
import logStage from '../../plugins/log.ts'
import routeMatch from '../../plugins/route-match.ts'
import sessionAuth from '../../plugins/session-auth.ts'
import { MemoryStore } from '../../plugins/session-store/memory.ts'
import {
  fakeIdp,
  fakeUpstream,
  runStage,
  setUpStage,
  stageContract,
  startBascule,
} from '../../plugins/testing/index.ts'
import { freePort } from '../kit/bascule.ts'
import { contractTest } from '../kit/contract-test.ts'
import { CookieJar } from '../kit/cookie-jar.ts'

declare module '../../core/contract.ts' {
  interface Slots {
    'kit/tenant': { readonly id: string }
  }
}

const tenant = defineStage({
  name: 'tenant',
  needs: ['route'],
  provides: ['kit/tenant'],
  options: z.strictObject({ header: z.string().default('x-tenant'), vip: z.string().optional() }),
  setup: (host) => (route) => ({
    async run(x) {
      const id = x.header(host.options.header as Lowercase<string>)
      if (id === undefined)
        return x.reply(403, 'FORBIDDEN', { detail: `${route.id} is for tenants`, reason: 'no_tenant' })
      if (id === host.options.vip) host.log.info({ id }, 'vip_came')
      return x.proceed({ 'kit/tenant': { id } })
    },
    response(x, head) {
      head.headers.set('x-seen', x.peek('kit/tenant')?.id ?? 'nobody')
    },
  }),
})

t.test('a stage that goes on: its slots, its log, and the answer after its response hook', async (t) => {
  const run = await runStage(tenant, {
    options: { vip: 'acme' },
    request: { target: '/a?b', headers: { 'X-Tenant': 'acme' } },
    answer: { status: 201, headers: { 'x-of': 'upstream' }, body: 'made' },
  })
  t.equal(run.verdict, 'proceed')
  t.same(run.slots, { 'kit/tenant': { id: 'acme' } })
  t.equal(run.answer?.status, 201)
  t.equal(run.answer?.body, 'made')
  t.equal(run.answer?.headers.get('x-seen'), 'acme')
  t.equal(run.answer?.headers.get('x-of'), 'upstream')
  t.match(run.outcome, { result: 'completed', code: 'OK' })
  t.match(run.log, [{ msg: 'vip_came', id: 'acme' }])
})

t.test('a stage that answers: the problem as the client gets it', async (t) => {
  const run = await runStage(tenant, { route: { id: 'tasks' } })
  t.equal(run.verdict, 'reply')
  t.match(run.answer?.json(), { code: 'FORBIDDEN', status: 403, reason: 'no_tenant', detail: 'tasks is for tenants' })
  t.match(run.outcome, { result: 'rejected', stage: 'tenant', code: 'FORBIDDEN', reason: 'no_tenant' })
  t.equal(run.answer?.headers.get('x-seen'), 'nobody')
})

t.test('a stage that breaks the contract is told as the bridge would tell it', async (t) => {
  const broken = (run: unknown) => defineStage({ name: 'bad', setup: () => () => ({ run }) as never })
  const said = async (run: unknown) => {
    const { verdict, outcome, answer } = await runStage(broken(run))
    t.equal(verdict, 'invalid')
    t.equal(answer?.status, 500)
    return outcome.fault?.message
  }
  t.equal(await said(() => undefined), 'stage bad returned nothing, which is no verdict')
  t.match(
    await said((x: X & { reply(status: number, code: string): void }) => {
      x.reply(403, 'NO')
      return x.proceed()
    }),
    /said 2 verdicts/,
  )
  t.equal(await said((x: { peek(slot: string): void }) => x.peek('session')), 'slot session is read but not declared')
})

t.test('what config would refuse is refused', async (t) => {
  await t.rejects(runStage(tenant, { options: { heder: 'x' } }), { message: /options of tenant: .*heder/ })
  await t.rejects(runStage(headerInject, { options: {} }), { message: 'header-inject takes no options' })
  await t.rejects(runStage(headerInject), {
    message: "stage header-inject needs the slot match on this route; give it: { slots: { 'match': … } }",
  })
  const route = { forward_cookies: ['a b'] }
  await t.rejects(runStage(headerInject, { route, slots: { match: { path: '', names: {} } } }), {
    message: /route key forward_cookies/,
  })
  await t.rejects(runStage(tenant, { settings: { auth: {} } }), {
    message: 'settings.auth: tenant declares no such section',
  })
  await t.rejects(runStage(tenant, { request: { target: '/a/../b' } }), {
    message: /refused the request before any stage: BAD_TARGET/,
  })
})

t.test('stages of every role run, and what does not apply does nothing', async (t) => {
  t.match((await runStage(routeMatch, { route: { path: '/a/{id}' }, request: { target: '/a/7' } })).slots, {
    route: { id: 'route' },
  })
  t.match((await runStage(logStage)).log, [{ msg: 'request', status: 200 }])
  const auth = { issuer: 'http://127.0.0.1:9', client_id: 'c', client_secret: 's' }
  const guarded = { route: { auth: 'session' }, settings: { auth }, use: { 'session-store': new MemoryStore() } }
  t.match(await runStage(sessionAuth, guarded), { verdict: 'reply', outcome: { code: 'SESSION_REQUIRED' } })
  t.equal((await runStage(sessionAuth, { settings: { auth } })).verdict, 'none')
  const upstream = await fakeUpstream()
  t.teardown(() => upstream.close())
  const service = { name: 'api', base_url: upstream.url, timeout: 5_000, idle_timeout: 5_000 }
  const sent = { method: 'GET', path: '/x?y', headers: ['X-A', '1'], service, credential: undefined }
  const run = await runStage(forward, { route: { service }, slots: { upstream: sent } })
  t.equal(run.verdict, 'stream')
  t.match(run.answer?.json(), { method: 'GET', url: '/x?y', headers: { 'x-a': '1' } })
})

t.test('several requests go through one setup, and a client may leave', async (t) => {
  let closed = 0
  const counting = defineStage({
    name: 'counting',
    setup(host) {
      let n = 0
      host.onClose(() => {
        closed++
      })
      return () => ({ run: (x) => x.reply(200, 'OK', { body: String(++n) }) })
    },
  })
  const running = await setUpStage(counting)
  t.equal((await running.run()).answer?.body, '1')
  t.equal((await running.run({ method: 'POST', body: 'x' })).answer?.body, '2')
  t.match((await running.run({}, { leave: true })).outcome, { result: 'aborted', code: 'CLIENT_CLOSED' })
  t.equal(closed, 0)
  await running.close()
  t.equal(closed, 1)
})

stageContract(tenant, { test: contractTest(t), requests: [{ headers: { 'X-Tenant': 'acme' } }] })
const fromPackage = (kit: Kit) => kit.defineStage({ name: 'stamp', setup: () => () => ({ run: (x) => x.proceed() }) })
stageContract(fromPackage, { test: contractTest(t), name: 'a plugin from a package' })
stageContract(logStage, { test: contractTest(t) })
stageContract(routeMatch, { test: contractTest(t) })

/** What the contract says of a stage: the tests that fail. */
async function failuresOf(stage: Stage): Promise<Map<string, string>> {
  const failed = new Map<string, string>()
  const tests: [string, () => Promise<void>][] = []
  stageContract(stage, { test: (name, fn) => tests.push([name, fn]), name: '' })
  for (const [name, fn] of tests) {
    await fn().catch((error: Error) =>
      failed.set(name.replace(/^: /, ''), error instanceof AssertionError ? error.message : `threw ${error.message}`),
    )
  }
  return failed
}

interface X {
  readonly method: string
  readonly rawHeaders: readonly string[]
  proceed(): unknown
}
const goOn = (x: X) => x.proceed()
/** As a plugin in JavaScript may look: nothing was type-checked. */
const untyped = (more: object): Stage => ({ name: 'bad', setup: () => () => ({ run: goOn }), ...more }) as never
const everyOther = (n: number) => () => n++ % 2 === 0

const offences: readonly (readonly [fails: string, stage: Stage, why: RegExp])[] = [
  ['is a stage that the host knows all of', untyped({ provide: [] }), /unknown key provide/],
  ['refuses options that it does not know', untyped({ options: z.object({}) }), /without effect; use a strict schema/],
  [
    'answers the same when asked twice about a route, and opens nothing for it',
    untyped({ applies: everyOther(0) }),
    /must be pure/,
  ],
  [
    'gives one verdict for every request',
    untyped({ setup: () => () => ({ run: (x: X) => (x.method === 'HEAD' ? undefined : x.proceed()) }) }),
    /returned nothing.*\(HEAD \/\)/,
  ],
  [
    'has synchronous response and settled hooks',
    untyped({ setup: () => () => ({ run: goOn, settled: async () => {} }) }),
    /settled/,
  ],
  [
    'logs no cookie and no credential of the client',
    untyped({
      setup: ({ log }: { log: Log }) => ({ settled: (x: X) => log.info({ h: x.rawHeaders }, 'came') }),
      role: 'observer',
    }),
    /canary-cookie/,
  ],
]

t.test('the contract fails stages that would harm a bridge', async (t) => {
  for (const [name, bad, why] of offences) t.match((await failuresOf(bad)).get(name), why, name)
  t.same([...(await failuresOf(untyped({}))).keys()], [], 'and no other')
})

const countsHandles = process.versions.deno === undefined
t.test(
  'the contract finds what a stage leaves open',
  { skip: !countsHandles && 'Deno tells of no handles' },
  async (t) => {
    const timers: NodeJS.Timeout[] = []
    t.teardown(() => timers.forEach(clearInterval))
    const leaky = untyped({
      setup() {
        timers.push(setInterval(() => {}, 60_000))
        return () => ({ run: goOn })
      },
    })
    t.match((await failuresOf(leaky)).get('leaves no timer, socket or listener behind'), /Timeout/)
  },
)

t.test('startBascule takes text, data and plugins, and reloads', async (t) => {
  const hello = defineEndpoint({
    name: 'hello',
    paths: () => [{ id: 'hello', path: '/hello', methods: ['GET'], auth: 'none' }],
    setup: () => () => (x) => x.reply(200, 'OK', { body: 'hello' }),
  })
  const upstream = await fakeUpstream(({ url }) => ({ body: `at ${url}` }))
  const bascule = await startBascule({
    files: {
      'settings.yaml': 'profile: p\n',
      'routes.yaml': {
        services: { api: { base_url: upstream.url } },
        routes: [{ id: 'api', path: '/api/*', target_service: 'api', upstream_path: '/{path}', auth: 'none' }],
      },
      'profiles/p.yaml': {
        stages: ['route-match', { use: './tenant.js', with: { header: 'x-team' } }, 'header-inject', 'forward', 'log'],
      },
      'tenant.js': { ...tenant, brings: ['./hello.js'] },
      'hello.js': hello,
    },
  })
  t.teardown(() => Promise.all([bascule.stop(), upstream.close()]))
  const ask = () => fetch(`${bascule.url}/api/x?y`, { headers: { 'X-Team': 'red' } })
  const answer = await ask()
  t.equal(await answer.text(), 'at /x?y')
  t.equal(answer.headers.get('x-seen'), 'red')
  t.equal(await (await fetch(`${bascule.url}/hello`)).text(), 'hello')
  t.match(await bascule.line(({ msg, route }) => msg === 'request' && route === 'api'), { status: 200 })
  t.equal(
    await bascule.reload({ 'profiles/p.yaml': { stages: ['route-match', 'header-inject', 'forward', 'log'] } }),
    true,
  )
  t.equal((await ask()).headers.get('x-seen'), null)
  t.equal(await bascule.reload({ 'profiles/p.yaml': 'stages: [forward]\n' }), false)
})

t.test('fakeIdp signs in at once, and its tokens are what a strict service wants', async (t) => {
  const audience = 'https://api.example'
  const idp = await fakeIdp({ audiences: [audience] })
  const upstream = await fakeUpstream()
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const bascule = await startBascule({
    port,
    files: {
      'settings.yaml': { server: { port, public_url: origin }, auth: idp.auth, service_audiences: { api: audience } },
      'routes.yaml': {
        services: { api: { base_url: upstream.url } },
        routes: [{ id: 'api', path: '/api/*', target_service: 'api', preserve_path: true }],
      },
    },
  })
  t.teardown(() => Promise.all([bascule.stop(), upstream.close(), idp.close()]))
  const jar = new CookieJar()
  let url = `${origin}/auth/login?login_hint=grace`
  for (let response = await visit(jar, url); ; response = await visit(jar, url)) {
    const next = response.headers.get('location')
    if (next === null) break
    url = new URL(next, url).href
  }
  const answer = (await (await visit(jar, `${origin}/api/x`)).json()) as { headers: { authorization: string } }
  const claims = JSON.parse(Buffer.from(answer.headers.authorization.split('.')[1]!, 'base64url').toString()) as object
  t.match(claims, { iss: idp.issuer, aud: audience, sub: 'grace' })
  t.match(idp.events, ['authorize', 'code'])
})

function visit(jar: CookieJar, url: string): Promise<Response> {
  const cookie = jar.header(url)
  return fetch(url, { redirect: 'manual', headers: cookie === undefined ? {} : { cookie } }).then((response) => {
    jar.keep(url, response.headers)
    return response
  })
}
