import t from 'tap'
import { PublicLocation } from '../../../../plugins/lib/routing/public-location.ts'
import { route, service } from '../../../kit/fake-host.ts'

/** `template` undefined: `preserve_path`. */
function backFrom(path: string, template: string | undefined, ...urls: string[]) {
  const [first = 'http://api:8100'] = urls
  const more = template === undefined ? { preserve_path: true } : {}
  const shown = route(path, { upstream_path: template, ...more } as Parameters<typeof route>[1])
  const locations = new PublicLocation(shown, service(first, urls.length > 1 ? { base_urls: urls } : {}))
  return (reference: string) => locations.of(reference)
}

t.test('an address of the service becomes the path that its route shows', async (t) => {
  const wild = backFrom('/api/a/*', '/v1/{path}', 'http://api:8100/base/')
  t.equal(wild('http://api:8100/base/v1/things/7?a=b#c'), '/api/a/things/7?a=b#c')
  t.equal(wild('http://api:8100/base/v1/'), '/api/a/')
  t.equal(wild('HTTP://API:8100/base/v1/X%2fY'), '/api/a/X%2fY', 'scheme and host in any case, the path byte for byte')
  t.equal(wild('//api:8100/base/v1/x'), '/api/a/x')
  t.equal(wild('https://api:8100/base/v1/x'), '/api/a/x', 'a service that believes X-Forwarded-Proto')
  t.equal(backFrom('/a/b*', '/x/{path}')('http://api:8100/x/7'), '/a/b7')
  t.equal(backFrom('/health', '/status')('http://api:8100/status?x'), '/health?x')
  t.equal(backFrom('/t/{tenant}/f/{id}', '/f/{id}/of/{tenant}')('http://api:8100/f/7/of/acme'), '/t/acme/f/7')
  t.equal(backFrom('/t/{tenant}/*', '/{path}/in/{tenant}')('http://api:8100/a/b/in/acme'), '/t/acme/a/b')
  t.equal(backFrom('/x/*', undefined, 'http://api:8100/base')('http://api:8100/base/y/z'), '/y/z', 'preserve_path')
  t.equal(backFrom('/*', '/{path}')('http://api:8100'), '/')
  t.equal(backFrom('/*', '/{path}')('http://api:8100?a'), '/?a')
  t.equal(backFrom('/$&*', '/$(.{path}')('http://api:8100/$(.x'), '/$&x', 'nothing in a pattern has a second meaning')
})

t.test('every URL of the service is its own, with the usual port or without it', async (t) => {
  const several = backFrom('/a/*', '/{path}', 'http://one', 'https://two:443/v2', 'http://[::1]:81')
  t.equal(several('http://one/x'), '/a/x')
  t.equal(several('http://one:80/x'), '/a/x')
  t.equal(several('https://two/v2/x'), '/a/x')
  t.equal(several('https://two:443/v2/x'), '/a/x')
  t.equal(several('http://[::1]:81/x'), '/a/x')
  for (const other of ['https://one/x', 'http://two/v2/x', 'https://two/x', 'http://[::1]/x'])
    t.equal(several(other), other)
})

t.test('what the template would not have made stays as it is', async (t) => {
  const wild = backFrom('/api/*', '/v1/{path}')
  const foreign = [
    'http://api:8100/v2/x',
    'http://api:8100/v1',
    'http://api:8101/v1/x',
    'http://api:81000/v1/x',
    'http://api:8100@evil.test/v1/x',
    'http://api:8100.evil.test/v1/x',
    'http:/api:8100/v1/x',
    'ftp://api:8100/v1/x',
    'https://elsewhere.test/v1/x',
    '/v1/x',
    'v1/x',
    '?x',
    '',
  ]
  for (const reference of foreign) t.equal(wild(reference), reference)
  for (const path of ['/v1/../admin', '/v1/%2e%2e/admin', '/v1/..;/x', '/v1/a\\b', '/v1/a\tb', '/v1/a b'])
    t.equal(wild(`http://api:8100${path}`), `http://api:8100${path}`)
})

t.test('no address of the service leads to another host', async (t) => {
  const whole = backFrom('/*', '/{path}')
  const below = backFrom('/*', '/app/{path}')
  for (const path of ['//evil.test', '/\\evil.test', '/\t/evil.test'])
    t.equal(whole(`http://api:8100${path}`), `http://api:8100${path}`)
  for (const path of ['/app//evil.test', '/app/\\evil.test', '/app/../x'])
    t.equal(below(`http://api:8100${path}`), `http://api:8100${path}`)
})

t.test('a template that can be read in two ways, or says too little, is never read back', async (t) => {
  for (const [path, template, sent] of [
    ['/a/{x}/{y}', '/{x}{y}', '/12'],
    ['/a/{x}/{y}', '/{x}-{y}', '/1-2-3'],
    ['/a/{x}/*', '/{x}', '/1'],
    ['/a/*', '/fixed', '/fixed'],
    ['/a/{x}', '/{x}/{x}', '/1/1'],
  ] as const)
    t.equal(backFrom(path, template)(`http://api:8100${sent}`), `http://api:8100${sent}`, template)
  t.equal(backFrom('/a/{path}', '/b/{path}')('http://api:8100/b/1/2'), 'http://api:8100/b/1/2', 'a name is one segment')
})
