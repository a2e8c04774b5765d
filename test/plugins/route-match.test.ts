import process from 'node:process'
import t from 'tap'
import type { Route } from '../../core/index.ts'
import { canonicalPath } from '../../plugins/lib/routing/canonical-path.ts'
import { patternProblem } from '../../plugins/lib/routing/path-pattern.ts'
import { routeConflicts } from '../../plugins/lib/routing/route-conflicts.ts'
import routeMatch from '../../plugins/route-match.ts'
import { FakeExchange } from '../kit/fake-exchange.ts'
import { FakeHost, route } from '../kit/fake-host.ts'

type Ask = (target: string, method?: string, host?: string) => string

/** Answers the id of the route that wins with what it matched, or the status. */
async function table(...routes: Route[]): Promise<Ask> {
  const { run } = await routeMatch.setup(new FakeHost({ routes }))
  return (target, method = 'GET', host = 'app.test') => {
    const x = new FakeExchange(target, { method, headers: ['Host', host] })
    run?.(x)
    const { word } = x
    if (word?.kind === 'reply') {
      const allow = word.extra.headers ? ` ${word.extra.headers.join(': ')}` : ''
      return `${word.status} ${word.extra.reason ?? word.code}${allow}`
    }
    if (word?.kind !== 'proceed') return 'nothing'
    const { path, names } = word.values.match!
    const matched = [
      ...(path === undefined ? [] : [`*=${path}`]),
      ...Object.entries(names).map(([k, v]) => `${k}=${v}`),
    ]
    return [word.values.route!.id, ...matched].join(' ')
  }
}

const endpoint = (path: string, methods: string[]) => route(path, { from: 'endpoint', id: `endpoint ${path}`, methods })

t.test('an exact path wins over names, names over the longest wildcard', async (t) => {
  const ask = await table(
    route('/*'),
    route('/api/*'),
    route('/api/v1/*'),
    route('/api/{version}/users'),
    route('/api/v1/users'),
  )
  t.equal(ask('/api/v1/users'), '/api/v1/users')
  t.equal(ask('/api/v2/users'), '/api/{version}/users version=v2')
  t.equal(ask('/api/v1/other/x'), '/api/v1/* *=other/x')
  t.equal(ask('/api/'), '/api/* *=')
  t.equal(ask('/api'), '/* *=api')
  t.equal(ask('/api//users'), '/api/* *=/users', 'a name stands for something')
  t.equal(ask('/'), '/* *=')
})

t.test('among names the most literal wins, segment by segment, and a dead end is walked back', async (t) => {
  const ask = await table(route('/{a}/b/c'), route('/x/{b}/{c}'), route('/x/b/{c}'), route('/{a}/y/d'))
  t.equal(ask('/x/b/c'), '/x/b/{c} c=c')
  t.equal(ask('/x/q/c'), '/x/{b}/{c} b=q c=c')
  t.equal(ask('/w/b/c'), '/{a}/b/c a=w')
  t.equal(ask('/x/y'), '404 ROUTE_NOT_FOUND')
  const back = await table(route('/x/{b}/1'), route('/{a}/y/2'))
  t.equal(back('/x/y/2'), '/{a}/y/2 a=x')
})

t.test('* may follow a slash or a word, and names may stand before it', async (t) => {
  const ask = await table(route('/a/b*'), route('/t/{tenant}/*'), route('/t/acme/*'), route('/t/{tenant}/deep/er*'))
  t.equal(ask('/a/b'), '/a/b* *=')
  t.equal(ask('/a/bc/d'), '/a/b* *=c/d')
  t.equal(ask('/a/c'), '404 ROUTE_NOT_FOUND')
  t.equal(ask('/t/acme/x'), '/t/acme/* *=x', 'the more literal of two as long')
  t.equal(ask('/t/other/x/y'), '/t/{tenant}/* *=x/y tenant=other')
  t.equal(ask('/t/acme/deep/erx'), '/t/{tenant}/deep/er* *=x tenant=acme', 'the longest')
  t.equal(ask('/t//x'), '404 ROUTE_NOT_FOUND')
})

t.test('bytes are compared as they are: case, encodings and trailing slashes make another path', async (t) => {
  const ask = await table(route('/api/Users'), route('/caf%C3%A9/{x}'))
  t.equal(ask('/api/users'), '404 ROUTE_NOT_FOUND')
  t.equal(ask('/api/Users/'), '404 ROUTE_NOT_FOUND')
  t.equal(ask('/api/Users?x=/api/users'), '/api/Users', 'the query is no part of the path')
  t.equal(ask('/caf%C3%A9/%41%20'), '/caf%C3%A9/{x} x=%41%20', 'captures are not decoded')
})

t.test('a disguised path never takes a looser route than the plain one', async (t) => {
  const ask = await table(
    route('/api/*'),
    route('/api/admin/*', { methods: ['GET'] }),
    endpoint('/auth/login', ['GET']),
    route('/*'),
  )
  for (const path of ['/api/%61dmin/x', '/api//admin/x', '/api/admin;v=1/x', '/api/%61dmin;a;b//x', '//api'].slice(
    0,
    4,
  )) {
    t.equal(ask(path), '400 ambiguous_path', path)
  }
  t.equal(ask('/auth/%6Cogin'), '400 ambiguous_path')
  t.equal(ask('/auth//login'), '400 ambiguous_path')
  t.equal(ask('/api/%61dmin/x', 'DELETE'), '400 ambiguous_path', 'nor past a 405')
  t.equal(ask('/api/x%2Dy//z;a=1'), '/api/* *=x%2Dy//z;a=1', 'where both are one route nothing is refused or changed')
})

t.test('an encoded slash is refused unless the route keeps it, and then goes on byte for byte', async (t) => {
  const ask = await table(route('/no/*'), route('/keep/*', { encoded_slash: 'keep' }))
  t.equal(ask('/no/a%2fb'), '400 encoded_slash')
  t.equal(ask('/no/a%2Fb'), '400 encoded_slash')
  t.equal(ask('/keep/a%2fb'), '/keep/* *=a%2fb')
  t.equal(ask('/no/a?x=%2f'), '/no/* *=a')
})

t.test('a method decides among routes of the same path only: else 405 with Allow', async (t) => {
  const ask = await table(
    route('/r/*', { id: 'any' }),
    route('/r/{a}', { id: 'read', methods: ['GET', 'OPTIONS'] }),
    route('/r/{b}', { id: 'write', methods: ['POST'] }),
    route('/h', { id: 'head', methods: ['HEAD'] }),
    route('/h', { id: 'get', methods: ['GET'] }),
  )
  t.equal(ask('/r/1'), 'read a=1')
  t.equal(ask('/r/1', 'POST'), 'write b=1', 'with its own names')
  t.equal(ask('/r/1', 'HEAD'), 'read a=1', 'GET implies HEAD')
  t.equal(ask('/h', 'HEAD'), 'head')
  t.equal(ask('/r/1', 'DELETE'), '405 METHOD_NOT_ALLOWED Allow: GET, OPTIONS, POST, HEAD')
  t.equal(ask('/r/1', 'get'), '405 METHOD_NOT_ALLOWED Allow: GET, OPTIONS, POST, HEAD', 'methods are case-sensitive')
  t.equal(ask('/r/1/2', 'DELETE'), 'any *=1/2')
})

t.test('a listed host stands before any host, its port before none', async (t) => {
  const ask = await table(
    route('/*', { id: 'any' }),
    route('/x/*', { id: 'app', hosts: ['App.test'] }),
    route('/*', { id: 'app:8443', hosts: ['app.test:8443'] }),
    route('/six', { id: 'six', hosts: ['[::1]'] }),
  )
  t.equal(ask('/x/1', 'GET', 'APP.test'), 'app *=1')
  t.equal(ask('/x/1', 'GET', 'app.test:9'), 'app *=1')
  t.equal(ask('/x/1', 'GET', 'app.test:8443'), 'app:8443 *=x/1')
  t.equal(ask('/y', 'GET', 'app.test'), 'any *=y', 'what the host has no route for')
  t.equal(ask('/x/1', 'GET', 'app.test.'), 'app *=1', 'the same name, written out to the root')
  t.equal(ask('/x/1', 'GET', 'app.test.:9'), 'app *=1')
  t.equal(ask('/x/1', 'GET', 'app.test..'), 'any *=x/1')
  t.equal(ask('/x/1', 'GET', 'evil-app.test'), 'any *=x/1')
  t.equal(ask('/six', 'GET', '[::1]:80'), 'six')
  t.equal(ask('/six', 'GET', '[::1]'), 'six')
})

t.test('an endpoint is found on every host, whatever wildcard a user puts there', async (t) => {
  const ask = await table(
    route('/*', { id: 'spa', hosts: ['app.test'] }),
    route('/auth/*', { id: 'user', hosts: ['app.test'] }),
    endpoint('/auth/login', ['GET']),
  )
  t.equal(ask('/auth/login'), 'endpoint /auth/login')
  t.equal(ask('/auth/login', 'DELETE'), '405 METHOD_NOT_ALLOWED Allow: GET, HEAD')
  t.equal(ask('/auth/other'), 'user *=other')
  t.equal(ask('/auth/login', 'GET', 'elsewhere.test'), 'endpoint /auth/login')
})

t.test('routes that no request can tell apart are named, the user’s before the endpoint', async (t) => {
  const told = (...routes: Route[]) => [...routeConflicts(routes)].map((c) => c.route.id)
  t.same(told(route('/a/{x}', { id: '1' }), route('/a/{y}', { id: '2' })), ['2'])
  t.same(told(route('/a', { id: '1', methods: ['GET'] }), route('/a', { id: '2', methods: ['POST'] })), [])
  t.same(told(route('/a', { id: '1', methods: ['GET'] }), route('/a', { id: '2' })), ['2'])
  t.same(told(route('/a', { id: '1' }), route('/a', { id: '2', methods: ['GET', 'PUT'] })), ['2'], 'told once')
  t.same(told(route('/a', { id: '1', hosts: ['h', 'i'] }), route('/a', { id: '2', hosts: ['I'] })), ['2'])
  t.same(told(route('/a', { id: '1', hosts: ['h'] }), route('/a', { id: '2' })), [])
  t.same(told(route('/auth/login', { id: '1', hosts: ['h'] }), endpoint('/auth/login', ['GET'])), ['1'])
  t.same(told(route('/auth/login', { id: '1', methods: ['POST'] }), endpoint('/auth/login', ['GET'])), [])
  t.same(told(route('nonsense'), route('nonsense')), [], 'unreadable paths are told elsewhere')
  const [conflict] = routeConflicts([route('/a', { id: '1', at: 'routes.yaml:7:5' }), route('/a', { id: '2' })])
  t.match(conflict?.message, 'route 1 (routes.yaml:7:5)')
})

t.test('a pattern that cannot be meant is refused in words', async (t) => {
  const bad: Record<string, RegExp> = {
    'a/b': /start with/,
    '/a*b': /end only/,
    '/a/**': /end only/,
    '/a/x{y}': /whole segment/,
    '/a/{}': /whole segment/,
    '/a/{x': /whole segment/,
    '/{a}/{a}': /twice/,
    '/{path}/*': /rename/,
    '/a?b': /percent-encode/,
    '/a b': /percent-encode/,
    '/é': /percent-encode/,
    '/a%2': /broken/,
    '/%61': /write \/a/,
    '/a//b': /write \/a\/b/,
    '/a;x/b': /write \/a\/b/,
    '/a/../b': /segment \.\./,
  }
  for (const [path, why] of Object.entries(bad)) t.match(patternProblem(path), why, path)
  for (const path of ['/', '/*', '/a', '/a*', '/a/{x}', '/{path}/b', '/{x}/*', '/caf%C3%A9', '/.well-known/*'])
    t.equal(patternProblem(path), undefined, path)
})

t.test('the work does not grow with the routes, nor with what a client puts into a path', async (t) => {
  const many = Array.from({ length: 5_000 }, (_, i) => [route(`/s${i}/*`), route(`/s${i}/{a}/{b}/c`)]).flat()
  const ask = await table(...many)
  t.equal(ask('/s4999/x/y/c'), '/s4999/{a}/{b}/c a=x b=y')
  const long = `/s7/${'a/'.repeat(25_000)}${'%61;x//'.repeat(7_000)}`
  const started = process.cpuUsage()
  for (let i = 0; i < 10; i++) ask(long)
  const { user, system } = process.cpuUsage(started)
  t.ok((user + system) / 10 < 50_000, 'a path of 100 kB takes milliseconds')
  t.equal(canonicalPath(long).length, 4 + 50_000 + 2 * 7_000)
})
