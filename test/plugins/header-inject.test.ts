import t from 'tap'
import type { ReplyExtra, Route, ServerSettings, Slots } from '../../core/index.ts'
import headerInject from '../../plugins/header-inject.ts'
import { capture, parsePattern } from '../../plugins/lib/routing/path-pattern.ts'
import type { Session } from '../../plugins/lib/session/session.ts'
import { FakeExchange } from '../kit/fake-exchange.ts'
import { FakeHost, route, service } from '../kit/fake-host.ts'

interface Given {
  readonly target?: string
  readonly headers?: string[]
  readonly slots?: Partial<Slots>
  readonly server?: Partial<ServerSettings>
  readonly session?: unknown
  readonly client?: { ip?: string; tls?: boolean }
  readonly httpVersion?: '1.0' | '1.1' | '2.0'
}

async function inject(theRoute: Route, given: Given = {}) {
  const { target = '/a/x', headers = ['Host', 'app.test'], slots, server, session, client, httpVersion } = given
  const host = new FakeHost({ routes: [theRoute], session, ...(server && { server }) })
  const { run } = (await headerInject.setup(host))(theRoute)
  const match = capture(parsePattern(theRoute.path), target.split('?', 1)[0]!)
  const x = new FakeExchange(target, {
    headers,
    slots: { route: theRoute, match, ...slots },
    ...(client && { client }),
    ...(httpVersion && { httpVersion }),
  })
  run?.(x)
  return x
}

/** Fields that reach the upstream, by lower-case name. */
async function sent(theRoute: Route, given: Given = {}): Promise<Record<string, string[]>> {
  const { word } = await inject(theRoute, given)
  const raw = word?.kind === 'proceed' ? word.values.upstream!.headers : []
  const fields: Record<string, string[]> = {}
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    fields[name] = [...(fields[name] ?? []), raw[i + 1]!]
  }
  return fields
}

/** The path that leaves, or why not. */
async function path(theRoute: Route, target: string): Promise<string> {
  const { word } = await inject(theRoute, { target })
  if (word?.kind === 'proceed') return word.values.upstream!.path
  const { status, code, extra } = word as { status: number; code: string; extra: ReplyExtra }
  return `${status} ${code} ${extra.detail}`
}

const session = { hash: 'h', sub: 'ada', provider: 'idp' } as Session
const credential: Slots['token'] = { fingerprint: 'f', audience: 'a', expiresAt: 0, headers: () => [] }
const a = route('/a/*')
const withSession = route('/a/*', { auth: 'session' })
const ours = [
  'x-correlation-id',
  'traceparent',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
  'via',
]

t.test('fields keep their order, case, repeats and bytes; ours come after them', async (t) => {
  const { word } = await inject(a, {
    headers: ['Host', 'app.test', 'X-B', '1', 'x-a', '\xe9', 'X-B', '2', 'Accept-Encoding', 'br'],
  })
  const raw = word?.kind === 'proceed' ? word.values.upstream!.headers : []
  t.same(raw.slice(0, 8), ['X-B', '1', 'x-a', '\xe9', 'X-B', '2', 'Accept-Encoding', 'br'])
  t.same(
    raw
      .slice(8)
      .filter((_, i) => i % 2 === 0)
      .map((n) => n.toLowerCase()),
    ours,
  )
})

t.test('what is of the connection, of framing, or names another path or method stays here', async (t) => {
  const names = [
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'Proxy-Authenticate',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Content-Length',
    'Expect',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'X-Original-User',
    'X-User-ID',
    'X-Session-ID',
    'X-Auth-Time',
    'x-user-anything',
    'Cookie',
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Prefix',
    'X-Forwarded-Port',
    'X-Real-IP',
    'True-Client-IP',
    'Remote-User',
    'Remote-Groups',
    'Client-Cert',
    'X-Userinfo',
    'X-Auth-Request-Email',
    'X-Correlation-ID',
    'tracestate',
    'Proxy',
  ]
  for (const name of names) {
    for (const spelt of new Set([
      name,
      name.toLowerCase(),
      name.toUpperCase(),
      name.replaceAll('-', '_'),
      name.replace('-', '_'),
    ])) {
      const fields = await sent(a, { headers: ['Host', 'app.test', spelt, 'evil', 'X-Fine', '1'] })
      t.notMatch(JSON.stringify(fields), 'evil', spelt)
      t.same(fields['x-fine'], ['1'])
    }
  }
  const fields = await sent(a, { headers: ['X-Usual', '1', 'my_own_name', '2', 'Content_Length', '3'] })
  t.same([fields['x-usual'], fields.my_own_name, fields.content_length], [['1'], ['2'], undefined])
})

t.test('Connection takes away what it names, and nothing of ours', async (t) => {
  const nominated = [...ours, 'x-original-user', 'authorization', 'x-secret', 'X-Odd'].join(', ')
  const headers = [
    'Host',
    'app.test',
    'Connection',
    'close',
    'X-Secret',
    '1',
    'x-odd',
    '2',
    'X-Kept',
    '3',
    'connection',
    nominated,
  ]
  const fields = await sent(withSession, { headers, slots: { session, token: credential } })
  t.same(Object.keys(fields).sort(), [...ours, 'x-original-user', 'x-kept'].sort())
})

t.test('the client’s own Authorization passes on public routes only, and never beside a credential', async (t) => {
  const headers = ['Authorization', 'Bearer client']
  t.same((await sent(a, { headers })).authorization, ['Bearer client'])
  t.notOk((await sent(a, { headers, slots: { token: credential } })).authorization)
  for (const auth of ['session', 'bearer', 'acme']) {
    t.notOk((await sent(route('/a/*', { auth }), { headers, slots: { session } })).authorization, auth)
  }
})

t.test('only listed cookies go upstream, from whichever line, and never ours', async (t) => {
  const listed = route('/a/*', { forward_cookies: ['theme', 'BFF_SESSION', 'my_sid'] })
  const headers = [
    'Cookie',
    'bff_session=s; theme=dark; other=1',
    'X-Between',
    '1',
    'cookie',
    ' theme = light;__Host-bff_session=s;BFF_SESSION=s; __Host-my_sid=s;my_sid=s; theme',
    'Cookie',
    'bff_login=f',
  ]
  t.same((await sent(listed, { headers, session: { cookie: { name: 'my_sid' } } })).cookie, [
    'theme=dark; theme = light',
  ])
  t.notOk((await sent(a, { headers })).cookie)
  const planted = ['Cookie', '\xa0theme=evil; theme\xa0=evil; \ttheme\t=dark']
  t.same(
    (await sent(listed, { headers: planted })).cookie,
    ['theme\t=dark'],
    'a name that only looks like it is another',
  )
  t.notOk((await sent(listed, { headers: ['Cookie', 'x=1'] })).cookie, 'no empty line')
})

t.test('the user is named as the session knows them, so that no two are one', async (t) => {
  const named = async (provider: string, sub: string) =>
    (await sent(withSession, { slots: { session: { ...session, provider, sub } as Session } }))['x-original-user']
  t.same(await named('idp', 'ada'), ['auth:account:idp:ada'])
  t.same(await named('auth0', 'google|1@x.test'), ['auth:account:auth0:google|1@x.test'])
  t.same(await named('a:b', 'c:d%20, é\r\n'), ['auth:account:a%3Ab:c%3Ad%2520%2C%20%C3%A9%0D%0A'])
  t.notOk((await sent(a))['x-original-user'])
})

t.test('a peer that is not trusted has its word about the client replaced', async (t) => {
  const headers = [
    'Host',
    'app.test:8080',
    'X-Forwarded-For',
    '1.1.1.1',
    'Forwarded',
    'for=1.1.1.1',
    'X-Forwarded-Proto',
    'https',
    'Via',
    '1.0 edge',
  ]
  t.match(await sent(a, { headers, server: { trusted_proxies: ['10.0.0.0/8'] } }), {
    'x-forwarded-for': ['192.0.2.7'],
    'x-forwarded-proto': ['http'],
    'x-forwarded-host': ['app.test:8080'],
    forwarded: ['for=192.0.2.7;host="app.test:8080";proto=http'],
    via: ['1.0 edge', '1.1 bascule'],
  })
  t.match(await sent(a, { client: { ip: '2001:db8::1', tls: true } }), {
    'x-forwarded-proto': ['https'],
    forwarded: ['for="[2001:db8::1]";host=app.test;proto=https'],
  })
})

t.test('Via names the version a request was received in', async (t) => {
  for (const httpVersion of ['1.0', '1.1', '2.0'] as const)
    t.same((await sent(a, { httpVersion })).via, [`${httpVersion} bascule`])
})

t.test('a trusted peer’s word stays, with ours after it', async (t) => {
  const headers = [
    'Host',
    'inner',
    'X-Forwarded-For',
    '1.1.1.1',
    'x-forwarded-for',
    '2.2.2.2',
    'Forwarded',
    'for=1.1.1.1',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Host',
    'app.test',
    'X-Forwarded-Port',
    '443',
    'X-Real-IP',
    '1.1.1.1',
    'X_Forwarded_For',
    '9.9.9.9',
  ]
  for (const trusted_proxies of [['10.0.0.0/8'], ['10.1.2.3'], ['::/0', '10.1.2.3/32']]) {
    const fields = await sent(a, { headers, server: { trusted_proxies }, client: { ip: '::ffff:10.1.2.3' } })
    t.match(fields, {
      'x-forwarded-for': ['1.1.1.1, 2.2.2.2, 10.1.2.3'],
      'x-forwarded-proto': ['https'],
      'x-forwarded-host': ['app.test'],
      'x-forwarded-port': ['443'],
      'x-real-ip': ['1.1.1.1'],
      forwarded: ['for=1.1.1.1, for=10.1.2.3;host=inner;proto=http'],
    })
    t.notOk(fields.x_forwarded_for)
  }
  for (const bad of ['10.0.0.0/33', 'proxy.test', '10.0.0.0/8/8', '10.0.0.0/', '::1/129'])
    await t.rejects(
      inject(a, { server: { trusted_proxies: [bad] } }),
      { message: new RegExp(`trusted_proxies: ${bad}`) },
      bad,
    )
})

t.test('a sane traceparent goes on with its state, anything else begins anew', async (t) => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736'
  const kept = [`00-${id}-00f067aa0ba902b7-00`, `01-${id}-00f067aa0ba902b7-01-more`]
  for (const value of kept) {
    const fields = await sent(a, { headers: ['TraceParent', value, 'tracestate', 'a=1', 'tracestate', 'b=2'] })
    t.same([fields.traceparent, fields.tracestate], [[value], ['a=1', 'b=2']])
  }
  const span = '00f067aa0ba902b7'
  for (const bad of [
    '',
    `00-${id}-${span}-01-more`,
    `ff-${id}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${id}-${'0'.repeat(16)}-01`,
    `00-${id.toUpperCase()}-${span}-01`,
  ]) {
    const fields = await sent(a, { headers: ['traceparent', bad, 'tracestate', 'a=1'] })
    t.match(fields.traceparent, [/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/], bad)
    t.not(fields.traceparent?.[0], bad)
    t.notOk(fields.tracestate)
  }
  const twice = await sent(a, { headers: ['traceparent', kept[0]!, 'traceparent', kept[0]!] })
  t.not(twice.traceparent?.[0], kept[0])
  t.not((await sent(a)).traceparent?.[0], (await sent(a)).traceparent?.[0])
})

t.test('the path is the template’s, filled byte for byte, behind the path of base_url', async (t) => {
  const at = (pattern: string, upstream_path: string, base = 'http://u.test') =>
    route(pattern, { upstream_path, service: service(base) })
  t.equal(await path(at('/api/v1/*', '/v2/{path}'), '/api/v1/a%20b/c?q=/../x&q=%zz'), '/v2/a%20b/c?q=/../x&q=%zz')
  t.equal(await path(at('/api/v1/*', '/v2/{path}'), '/api/v1/'), '/v2/')
  t.equal(await path(at('/api/v1/*', '/v2/{path}', 'http://u.test/base/'), '/api/v1/x'), '/base/v2/x')
  t.equal(await path(at('/a/{x}/b/{y}', '/{y}/of/{x}.json'), '/a/1%2e/b/$2'), '/$2/of/1%2e.json')
  t.equal(await path(at('/t/{t}/*', '/{path}/{t}'), '/t/acme/x/y'), '/x/y/acme')
  t.equal(await path(at('/a', '/fixed'), '/a?'), '/fixed?')
  const { upstream_path: _none, ...rest } = route('/a/*', {
    preserve_path: true,
    service: service('http://u.test/base'),
  })
  t.equal(await path(rest, '/a/%7Eb//c'), '/base/a/%7Eb//c')
})

t.test('what filling makes is judged again: no way out of the upstream’s prefix', async (t) => {
  const loose = route('/a/b*', { upstream_path: '/{path}' })
  const word = route('/a/b*', { upstream_path: '/x/{path}/y' })
  for (const [theRoute, target] of [
    [loose, '/a/b../x'],
    [loose, '/a/b..'],
    [loose, '/a/b%2e%2E/x'],
    [loose, '/a/b.%2e;v=1/x'],
    [loose, '/a/b./x'],
    [loose, '/a/b/evil.test/x'],
    [word, '/a/b..'],
  ] as [Route, string][]) {
    t.match(await path(theRoute, target), /^400 BAD_TARGET/, target)
  }
  t.match(await path(route('/a/*', { upstream_path: '/x/.{path}' }), '/a/./x'), /^400/)
  t.match(await path(route('/a/*', { upstream_path: '/x/.{path}' }), '/a/%2e'), /^400/)
  t.equal(await path(loose, '/a/bx/.hidden/a..b/...'), '/x/.hidden/a..b/...')
})

t.test('what cannot work is told at load, in words', (t) => {
  const told = (theRoute: Route) => [...(headerInject.problems?.(theRoute, undefined) ?? [])].join('; ')
  const { upstream_path: _none, ...bare } = a
  const { service: _service, ...serviceless } = a
  const homeless = { ...serviceless, target_service: '' }
  t.match(told(bare), 'needs upstream_path, or preserve_path')
  t.match(told({ ...a, preserve_path: true }), 'take one away')
  t.match(told(homeless), 'target_service')
  t.equal(told(serviceless), '', 'a name that services lacks is reported where it stands')
  t.match(told(route('/a/*', { upstream_path: 'x' })), 'must start with /')
  t.match(told(route('/a/*', { upstream_path: '/x/*' })), 'write {path}')
  t.match(told(route('/a/{id}', { upstream_path: '/x/{path}' })), 'it has {id}')
  t.match(told(route('/a', { upstream_path: '/x/{path}' })), 'it has no * and no {name}')
  t.match(told(route('/a/*', { upstream_path: '/x/{path' })), 'brace')
  for (const name of ['bff_session', '__Host-bff_session', '__SECURE-bff_login', '__Host-Http-bff_session'])
    t.match(told(route('/a/*', { forward_cookies: [name] })), 'never leaves', name)
  t.equal(told(route('/a/*', { forward_cookies: ['theme'] })), '')
  t.end()
})

t.test('a session route does not load without the token and the session; others do', (t) => {
  const requires = (theRoute: Route) => headerInject.requires?.(theRoute, undefined)
  t.same(requires(withSession), ['token', 'session'])
  t.same(requires(a), [])
  t.end()
})

t.test('with several origins a Host that nobody listed is told to no service', async (t) => {
  const server = { public_url: 'https://app.test', public_urls: ['https://partners.test'] }
  const told = async (theRoute: Route, host: string, more: string[] = [], trusted: string[] = []) => {
    const headers = ['Host', host, ...more]
    const fields = await sent(theRoute, { headers, server: { ...server, trusted_proxies: trusted } })
    return { host: fields['x-forwarded-host'], forwarded: fields.forwarded }
  }
  t.strictSame((await told(a, 'partners.test:8443')).host, ['partners.test:8443'])
  t.strictSame(await told(a, 'evil.test'), { host: undefined, forwarded: ['for=192.0.2.7;proto=http'] })
  t.equal((await told(a, 'app.test.evil.test')).host, undefined)
  t.strictSame((await told({ ...a, hosts: ['Shop.test'] }, 'shop.TEST')).host, ['shop.TEST'])
  const edge = ['X-Forwarded-Host', 'app.test']
  t.strictSame((await told(a, 'inner', edge, ['192.0.2.7'])).host, ['app.test'], 'a trusted proxy is believed')
})
