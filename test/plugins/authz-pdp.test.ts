import t from 'tap'
import type { TestLike } from '../kit/bascule.ts'
import { type Bridge, startBridge } from '../kit/bridge.ts'
import { type FakePdp, says, startPdp } from '../kit/fake-pdp.ts'
import { type LoggedIn, loginByFetch } from '../kit/login.ts'

const profile = `
extends: audience-bridge
insert: [{ use: authz-pdp, after: session-auth }]
`
const routes = (crud: string) => `
services:
  crud_service: { base_url: "${crud}" }
routes:
  - id: tasks
    path: /api/tasks
    target_service: crud_service
    preserve_path: true
    methods: [GET, POST]
    authz: pdp
    authz_map:
      GET: { resource: task_list, action: read }
      POST: { resource: task, action: create, props: { name: "$.name", owner: "$.owner.id", kind: todo, urgent: false } }
  - id: task
    path: /api/{team}/tasks/{task_id}
    target_service: crud_service
    preserve_path: true
    methods: [GET, PUT]
    authz: pdp
    authz_map:
      GET: { resource: task, action: read, id_from: "{task_id}", props: { team: "{team}" } }
      PUT: { resource: task, action: update, id_from: $.id }
  - id: files
    path: /api/files/*
    target_service: crud_service
    preserve_path: true
    encoded_slash: keep
    methods: [GET]
    authz: pdp
    authz_map: { GET: { resource: file, action: read, id_from: "disk:{path}" } }
`

interface Setting {
  readonly pdp: FakePdp
  readonly bridge: Bridge
  readonly ada: LoggedIn
  readonly post: (path: string, body: string, headers?: Record<string, string>) => Promise<Response>
  /** What the last request was asked about. */
  readonly asked: () => unknown
}

async function startDecided(t: TestLike, more = 'cache: { allow: 0, deny: 0 }'): Promise<Setting> {
  const pdp = await startPdp(t)
  const bridge = await startBridge(t, {
    settings: `pdp: { base_url: "${pdp.url}/authz/", timeout: 400ms, token: pdp-secret, ${more} }\nprofile: decided`,
    files: ({ crud }) => ({ 'profiles/decided.yaml': profile, 'routes.yaml': routes(crud.url) }),
  })
  const ada = await loginByFetch(bridge.origin)
  const post = (path: string, body: string, headers = {}) =>
    ada.fetch(path, {
      method: path === '/api/tasks' ? 'POST' : 'PUT',
      body,
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
    })
  return { pdp, bridge, ada, post, asked: () => pdp.questions.at(-1)?.body }
}

t.test('a mapped request is asked about, and goes on when the answer is true', async (t) => {
  const { pdp, bridge, ada, post, asked } = await startDecided(t)
  const list = await ada.fetch('/api/tasks?all=1', { headers: { 'x-correlation-id': 'list-1' } })
  t.match([list.status, await list.json()], [200, { url: '/api/tasks?all=1', claims: { sub: 'ada' } }])
  t.match(pdp.questions[0], {
    method: 'POST',
    url: '/authz/access/v1/evaluation',
    headers: { 'content-type': 'application/json', authorization: 'Bearer pdp-secret', 'x-request-id': 'list-1' },
  })
  t.same(asked(), {
    subject: { type: 'user', id: 'ada' },
    action: { name: 'read' },
    resource: { type: 'task_list', id: 'task_list', properties: {} },
    context: { route: 'tasks', service: 'crud_service', method: 'GET' },
  })

  const body = '{ "name": "write tests", "owner": { "id": 7 }, "more": [1.50] }'
  const made = await post('/api/tasks', body)
  t.match([made.status, await made.json()], [200, { method: 'POST', body }], 'the body goes on byte for byte')
  t.match(asked(), {
    action: { name: 'create' },
    resource: { type: 'task', properties: { name: 'write tests', owner: 7, kind: 'todo', urgent: false } },
  })
  await post('/api/tasks', '{"name":"no owner"}')
  t.same(
    (asked() as { resource: { properties: unknown } }).resource.properties,
    { name: 'no owner', kind: 'todo', urgent: false },
    'what the body lacks is left out',
  )

  await ada.fetch('/api/red/tasks/t%31%20b')
  t.match(
    asked(),
    { resource: { type: 'task', id: 't1 b', properties: { team: 'red' } } },
    'as the backend will read it',
  )
  await ada.fetch('/api/files/a/b.txt')
  t.match(asked(), { resource: { id: 'disk:a/b.txt' } })
  await post('/api/red/tasks/x', '{"id": 12}')
  t.match(asked(), { resource: { id: '12' } })
  const head = await ada.fetch('/api/tasks', { method: 'HEAD' })
  t.match([head.status, asked()], [200, { action: { name: 'read' }, context: { method: 'HEAD' } }])
  t.notMatch(JSON.stringify(bridge.bascule.lines), 'pdp-secret')
})

t.test('false is a 403, and nothing reaches the service', async (t) => {
  const { pdp, bridge, ada } = await startDecided(t)
  pdp.answer = says({ decision: false, context: { reason_admin: { en: 'internal' } } })
  const denied = await ada.fetch('/api/tasks')
  const problem = await denied.text()
  t.equal(denied.status, 403)
  t.match(JSON.parse(problem), { code: 'FORBIDDEN', reason: 'pdp_denied', route: 'tasks' })
  t.notMatch(problem, 'internal')
  t.match(await bridge.bascule.line(({ code }) => code === 'FORBIDDEN'), { stage: 'authz-pdp', reason: 'pdp_denied' })

  const anonymous = await fetch(`${bridge.origin}/api/tasks`)
  t.match([anonymous.status, await anonymous.json()], [401, { code: 'SESSION_REQUIRED' }])
  t.equal(pdp.questions.length, 1, 'nobody is asked about a request without a session')
  t.same(bridge.crud.requests, [])
})

t.test('whatever is no decision lets nothing through', async (t) => {
  const { pdp, bridge, ada } = await startDecided(t)
  const answers: readonly [string, FakePdp['answer'], string][] = [
    ['an error', says({ decision: true }, 500), 'pdp_refused'],
    ['a refusal of our token', says({ decision: true }, 401), 'pdp_refused'],
    ['a redirect', (_, res) => res.writeHead(302, { location: '/elsewhere' }).end('{"decision":true}'), 'pdp_refused'],
    ['another success', says({ decision: true }, 202), 'pdp_refused'],
    ['no JSON', says('yes'), 'pdp_bad_answer'],
    ['nothing', says(''), 'pdp_bad_answer'],
    ['"true"', says({ decision: 'true' }), 'pdp_bad_answer'],
    ['1', says({ decision: 1 }), 'pdp_bad_answer'],
    ['null', says(null), 'pdp_bad_answer'],
    ['a list', says([{ decision: true }]), 'pdp_bad_answer'],
    ['an answer without end', says({ decision: true, context: 'x'.repeat(100_000) }), 'pdp_bad_answer'],
    [
      'a torn answer',
      (_, res) => res.writeHead(200, { 'content-length': 100 }).write('{', () => res.destroy()),
      'pdp_unreachable',
    ],
    ['a closed connection', (_, res) => void res.destroy(), 'pdp_unreachable'],
    ['silence', () => undefined, 'pdp_timeout'],
    ['a head and then silence', (_, res) => void res.writeHead(200).write('{"decision":'), 'pdp_timeout'],
  ]
  for (const [what, answer, reason] of answers) {
    pdp.answer = answer
    const got = await ada.fetch('/api/tasks')
    t.match([got.status, await got.json()], [503, { code: 'PDP_UNAVAILABLE', reason }], what)
    t.equal(got.headers.get('retry-after'), '1')
  }
  t.same(bridge.crud.requests, [])
  t.equal(bridge.bascule.lines.filter(({ msg }) => msg === 'pdp_unavailable').length, answers.length)
  pdp.answer = says({ decision: true })
  t.equal((await ada.fetch('/api/tasks')).status, 200, 'and nothing of it is remembered')
})

t.test('a decision point that is not there is a 503', async (t) => {
  const bridge = await startBridge(t, {
    settings: 'pdp: { base_url: "http://127.0.0.1:9" }\nprofile: decided',
    files: ({ crud }) => ({ 'profiles/decided.yaml': profile, 'routes.yaml': routes(crud.url) }),
  })
  const ada = await loginByFetch(bridge.origin)
  const got = await ada.fetch('/api/tasks')
  const problem = await got.text()
  t.match([got.status, JSON.parse(problem)], [503, { code: 'PDP_UNAVAILABLE', reason: 'pdp_unreachable' }])
  t.notMatch(problem, '127.0.0.1')
})

t.test('a request that two readers could read as two is refused before anyone is asked', async (t) => {
  const { pdp, bridge, ada, post } = await startDecided(t)
  for (const path of [
    '/api/red/tasks/a;b',
    '/api/red/tasks/a%253Bb',
    '/api/red/tasks/%C3%28',
    '/api/files/a//b',
    '/api/files/a%2Fb',
  ]) {
    const got = await ada.fetch(path)
    t.match([got.status, await got.json()], [400, { code: 'BAD_TARGET' }], path)
  }
  const bodies: readonly [string, string, Record<string, string>?][] = [
    ['a key twice', '{"name":"a","name":"b"}'],
    ['a key twice in disguise', '{"name":"a","n\\u0061me":"b"}'],
    ['a key in other case', '{"Name":"b"}'],
    ['a key in wide letters', '{"ｎａｍｅ":"b"}'],
    ['a number that rounds', '{"name":9007199254740993}'],
    ['a number out of range', '{"name":1e999}'],
    ['nesting that overflows the stack of who walks it', `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['no JSON', '{"name":'],
    ['a byte order mark', '\ufeff{"name":"a"}'],
    ['a form', 'name=a', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['another charset', '{"name":"a"}', { 'content-type': 'application/json; charset=utf-16' }],
    ['a packed body', '{"name":"a"}', { 'content-encoding': 'gzip' }],
  ]
  for (const [what, body, headers] of bodies) {
    const got = await post('/api/tasks', body, headers)
    t.match([got.status, await got.json()], [400, { code: 'BAD_REQUEST' }], what)
  }
  for (const body of ['{}', '{"id":""}', '{"id":null}', '{"id":["a"]}', '[]']) {
    const got = await post('/api/red/tasks/1', body)
    t.match([got.status, await got.json()], [400, { code: 'BAD_REQUEST' }], `an id from ${body}`)
  }
  const large = await post('/api/tasks', JSON.stringify({ name: 'x'.repeat(1024 * 1024) }))
  t.match([large.status, await large.json()], [413, { code: 'BODY_TOO_LARGE' }])
  t.same([pdp.questions, bridge.crud.requests], [[], []])
})

t.test('a decision is used again for just what was asked', async (t) => {
  const { pdp, bridge, ada, post } = await startDecided(t, 'cache: { allow: 1h, deny: 1h }')
  await ada.fetch('/api/tasks')
  await ada.fetch('/api/tasks?page=2')
  t.equal(pdp.questions.length, 1)
  await post('/api/tasks', '{"name":"a"}')
  await post('/api/tasks', '{"name":"a","more":1}')
  t.equal(pdp.questions.length, 2, 'what the decision point does not see makes no difference')
  await post('/api/tasks', '{"name":"b"}')
  t.equal(pdp.questions.length, 3, 'a property of the body does')
  const bob = await loginByFetch(bridge.origin, { user: 'bob' })
  pdp.answer = says({ decision: false })
  t.equal((await bob.fetch('/api/tasks')).status, 403, 'nor is one user another')
  t.equal(pdp.questions.length, 4)
  await bob.fetch('/api/tasks')
  t.equal(pdp.questions.length, 4)
  t.equal((await ada.fetch('/api/tasks')).status, 200)
})
