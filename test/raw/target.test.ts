// What is asked for: one reading of the target, for matching and for forwarding, whatever another reader would make of it.
import t from 'tap'
import { get, post } from '../kit/front.ts'
import { chosen, startRawBridge } from '../kit/raw-bridge.ts'
import { type Refusal, refuses } from '../kit/raw-refusals.ts'

const host = 'Host: app.example\r\n'
const climbing = 'CVE-2021-21322 CVE-2021-21321 CVE-2025-66490 CVE-2023-47106'

/** Refused with 400, the connection kept: only the target is wrong. */
const badTargets: readonly [ids: string, what: string, target: string][] = [
  [`${climbing} CVE-2019-9901`, 'a dot segment', '/open/../guarded/x'],
  [climbing, 'a dot segment at the end', '/open/x/..'],
  [climbing, 'a single dot', '/open/./x'],
  [`${climbing} CVE-2025-32431`, 'an encoded dot segment', '/open/%2e%2e/guarded/x'],
  [climbing, 'a half encoded dot segment', '/open/.%2E/guarded/x'],
  [`${climbing} CVE-2026-22037`, 'a dot segment with a parameter', '/open/..;/guarded/x'],
  [climbing, 'a dot segment with an encoded parameter', '/open/..%3b/guarded/x'],
  ['CVE-2021-29492 CVE-2025-47952', 'an encoded slash', '/open/a%2fb'],
  ['CVE-2021-29492', 'an encoded backslash', '/open/a%5cb'],
  ['CVE-2021-29492', 'a backslash', '/open/a\\b'],
  ['H9-11 CVE-2021-29492', 'a dot segment behind a kept encoded slash', '/kept/a%2f..%2fb'],
  ['CVE-2022-35949', 'two slashes first', '//evil.example/open/x'],
  ['CVE-2022-35949', 'a slash and a backslash first', '/\\evil.example/open/x'],
  ['CVE-2021-32779 CVE-2026-41059 CVE-2023-47106', 'a fragment', '/open/x#/guarded'],
  ['CVE-2026-41059', 'a fragment in the query', '/open/x?y#z'],
  ['CVE-2019-9900', 'an encoded NUL', '/open/x%00y'],
  ['CVE-2022-31150 CVE-2018-12116', 'an encoded CR LF', '/open/x%0d%0aX-A:%201'],
  ['CVE-2024-21536', 'a broken climbing', '/open/%zz'],
  ['CVE-2024-21536', 'half an climbing', '/open/%4'],
  [
    'CVE-2026-40912 CVE-2026-48020 CVE-2026-65600 CVE-2026-67309',
    'what becomes a dot segment upstream',
    '/loose/a../x',
  ],
  ['CVE-2026-40912 CVE-2022-35949', 'what becomes two slashes upstream', '/loose/a/x'],
  ['CVE-2026-40912', 'a dot segment as a name', '/named/%2e%2e/x'],
  ['CVE-2026-6556 CVE-2026-6414 CVE-2026-15074', 'doubled slashes before a route', '/open/..//guarded/x'],
  ['H1-12 BBA-12', 'the name of another host', 'http://evil.example/open/x'],
  ['H1-13', 'an asterisk', '*'],
]

const refused: readonly Refusal[] = [
  ...badTargets.map(([ids, what, target]): Refusal => {
    const named = target.startsWith('http') ? 'Host: evil.example\r\n' : host
    return { ids, what, bytes: `GET ${target} HTTP/1.1\r\n${named}\r\n`, status: 400, kept: true }
  }),
  {
    ids: 'H1-12',
    what: 'a host beside another in Host',
    bytes: `GET http://evil.example/open/x HTTP/1.1\r\n${host}\r\n`,
    status: 400,
  },
  {
    ids: 'H1-12',
    what: 'our host beside another in Host',
    bytes: 'GET http://app.example/open/x HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    status: 400,
  },
  {
    ids: 'H1-12',
    what: 'a host with user information',
    bytes: `GET http://app.example@evil.example/open/x HTTP/1.1\r\n${host}\r\n`,
    status: 400,
  },
  {
    ids: 'H1-12',
    what: 'a host of our name and more',
    bytes: `GET http://app.example.evil.example/open/x HTTP/1.1\r\n${host}\r\n`,
    status: 400,
  },
  {
    ids: 'H1-12 H9-4',
    what: 'a question about another host',
    bytes: get('http://evil.example', 'Max-Forwards: 0\r\n')
      .replace('GET', 'OPTIONS')
      .replace('app.example', 'evil.example'),
    status: 400,
    kept: true,
  },
  {
    ids: 'H1-12 H1-11',
    what: 'a port that is none, without a Host',
    bytes: 'GET http://app.example:99999999/open/x HTTP/1.0\r\n\r\n',
    status: 400,
  },
  {
    ids: 'H1-12',
    what: 'another scheme',
    bytes: `GET ftp://app.example/open/x HTTP/1.1\r\n${host}\r\n`,
    status: 400,
    kept: true,
  },
  {
    ids: 'H1-12',
    what: 'a scheme without a host',
    bytes: `GET http:///open/x HTTP/1.1\r\n${host}\r\n`,
    status: 400,
    kept: true,
  },
  {
    ids: 'H1-12',
    what: 'a dot segment behind our name',
    bytes: `GET http://app.example/open/../x HTTP/1.1\r\n${host}\r\n`,
    status: 400,
    kept: true,
  },
  { ids: 'H1-13', what: 'a target without a slash', bytes: `GET open/x HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { ids: 'H1-13', what: 'a high byte in the path', bytes: `GET /open/\xe4 HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { ids: 'H1-14', what: 'a long path', bytes: `GET /open/${'a'.repeat(9_000)} HTTP/1.1\r\n${host}\r\n`, status: 414 },
  {
    ids: 'H1-14',
    what: 'a long query',
    bytes: `GET /open/x?${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`,
    status: 414,
  },
  {
    ids: 'H1-14',
    what: 'a target longer than a head may be',
    bytes: `GET /open/${'a'.repeat(50_000)} HTTP/1.1\r\n${host}\r\n`,
    status: 414,
  },
  {
    ids: 'H9-13',
    what: 'a method that the route does not list',
    bytes: get('/reading').replace('GET', 'DELETE'),
    status: 405,
    kept: true,
  },
  {
    ids: 'CVE-2025-54576',
    what: 'an open path in the query of a closed one',
    bytes: get('/guarded/x?/open/x'),
    status: 401,
    kept: true,
  },
  {
    ids: 'CVE-2026-40575 CVE-2026-34457',
    what: 'an open path, or a probe, in the headers of a closed one',
    bytes: get(
      '/guarded/x',
      'X-Forwarded-Uri: /open/x\r\nX-Original-URL: /open/x\r\nX-Rewrite-URL: /open/x\r\nUser-Agent: GoogleHC/1.0\r\n',
    ),
    status: 401,
    kept: true,
  },
  {
    ids: 'CVE-2022-29226 CVE-2025-31492',
    what: 'a bearer instead of a session',
    bytes: get('/guarded/x', 'Authorization: Bearer x\r\n'),
    status: 401,
    kept: true,
  },
  {
    ids: 'CVE-2025-3891',
    what: 'a POST without a body and without a session',
    bytes: post('', '/guarded/x'),
    status: 401,
    kept: true,
  },
  { ids: 'CVE-2022-24797', what: 'a debug path', bytes: get('/debug/pprof/'), status: 404, kept: true },
  { ids: 'CVE-2022-24797', what: 'a path of the admin listener', bytes: get('/metrics'), status: 404, kept: true },
  {
    ids: 'CVE-2026-27587 CVE-2026-27588',
    what: 'a path in another case',
    bytes: get('/OPEN/x'),
    status: 404,
    kept: true,
  },
  {
    ids: 'CVE-2026-33807 CVE-2026-33808',
    what: 'a closed path in disguise',
    bytes: get('/%67uarded/x'),
    status: 404,
    kept: true,
  },
  {
    ids: 'CVE-2025-32996 CVE-2026-55602 CVE-2023-33189',
    what: 'a host that only contains one of ours',
    bytes: get('/hosted').replace('app.example', 'other.example.evil'),
    status: 404,
    kept: true,
  },
]

t.test('a target that two readers could read differently', async (t) => {
  const bridge = await startRawBridge(t)
  refuses(t, () => bridge, refused)
})

const taken: readonly { ids: string; what: string; bytes: string; line: string }[] = [
  {
    ids: 'H9-11 CVE-2022-2880 CVE-2026-39825',
    what: 'a query of odd bytes',
    bytes: get(`/open/a?b=%2e%2e//&c=%zz;&&=d%2F'"<>{}|^\`\\?e`),
    line: `GET /a?b=%2e%2e//&c=%zz;&&=d%2F'"<>{}|^\`\\?e HTTP/1.1`,
  },
  { ids: 'H9-11', what: 'an empty query', bytes: get('/open/a?'), line: 'GET /a? HTTP/1.1' },
  {
    ids: 'H9-11',
    what: 'escapes in either case',
    bytes: get('/open/%7Euser/a%20b/%c3%A4;v=1/'),
    line: 'GET /%7Euser/a%20b/%c3%A4;v=1/ HTTP/1.1',
  },
  { ids: 'H9-11', what: 'a kept encoded slash', bytes: get('/kept/a%2fb%2Fc'), line: 'GET /a%2fb%2Fc HTTP/1.1' },
  { ids: 'H9-11 CVE-2026-41059', what: 'an encoded #', bytes: get('/open/a%23b'), line: 'GET /a%23b HTTP/1.1' },
  { ids: 'H9-11', what: 'three dots', bytes: get('/open/.../..a/a..'), line: 'GET /.../..a/a.. HTTP/1.1' },
  { ids: 'H1-12', what: 'our own name', bytes: get('http://app.example/open/a?b'), line: 'GET /a?b HTTP/1.1' },
  { ids: 'H1-12', what: 'our own name in capitals', bytes: get('HTTPS://APP.example/open/a'), line: 'GET /a HTTP/1.1' },
  {
    ids: 'H1-12',
    what: 'our own name in HTTP/1.0',
    bytes: 'GET http://app.example/open/a HTTP/1.0\r\n\r\n',
    line: 'GET /a HTTP/1.1',
  },
  {
    ids: 'H1-12',
    what: 'the name of a route',
    bytes: get('http://other.example:80/hosted').replace(/Host: .*/, 'Host: other.example:80'),
    line: 'GET /hosted HTTP/1.1',
  },
  {
    ids: 'H9-4',
    what: 'OPTIONS that may go on',
    bytes: get('/open/a', 'Max-Forwards: 10\r\n').replace('GET', 'OPTIONS'),
    line: 'OPTIONS /a HTTP/1.1',
  },
]

t.test('a target that all read alike', async (t) => {
  const bridge = await startRawBridge(t)
  for (const { ids, what, bytes, line } of chosen(taken)) {
    t.test(`${ids}: ${what} goes upstream byte for byte`, async (t) => {
      const { client, ...answer } = await bridge.ask(bytes)
      client.close()
      t.match(answer, { status: 200, body: 'fine' })
      const [request, ...more] = bridge.arrived()
      t.equal(request?.line, line)
      t.same(more, [])
      t.equal(request?.all('host').join(), new URL(bridge.upstream.url).host)
      if (line.startsWith('OPTIONS')) t.same(request?.all('max-forwards'), ['9'], 'one hop less')
    })
  }
})

t.test('H9-4: what asks the server itself is answered here', async (t) => {
  const bridge = await startRawBridge(t)
  const asking = ['/open/x', '*', 'http://app.example']
  for (const target of asking) {
    const { client, ...answer } = await bridge.ask(
      get(target, 'Max-Forwards: 0\r\n').replace('GET', 'OPTIONS') + get('/open/y'),
    )
    t.match(answer, { status: 204, body: '' }, target)
    t.match(answer.headers.get('allow'), /GET, HEAD, POST/, target)
    t.match(await client.answers(2), [{}, { status: 200, body: 'fine' }])
    client.close()
  }
  t.equal(bridge.arrived().length, asking.length)
})

t.test('CVE-2024-45296 CVE-2024-45813: the longest path there may be is matched at once', async (t) => {
  const bridge = await startRawBridge(t, undefined, 'limits: { path: 100KiB, target: 100KiB, headers: 200KiB }')
  const before = performance.now()
  const { client, ...answer } = await bridge.ask(get(`/open${'/a-b'.repeat(25_000)}`))
  client.close()
  t.match(answer, { status: 200 })
  t.ok(performance.now() - before < 5_000)
})
