import t from 'tap'
import { EdgeRequest } from '../../../../plugins/lib/http/edge-request.ts'

function asked(fields: Readonly<Record<string, readonly string[]>>, upgrade = false): EdgeRequest {
  const headerAll = (name: string) => fields[name] ?? []
  const x = { method: 'GET', target: '/auth/verify', upgrade, headerAll, header: (name: string) => headerAll(name)[0] }
  return new EdgeRequest(x, 'https://app.test')
}

t.test('it is the request that the edge got, by the nearest edge’s words', async (t) => {
  const { method, target } = asked({
    'x-forwarded-method': ['GET', 'DELETE'],
    'x-forwarded-uri': ['/made/up', '/a?b=c'],
    'x-forwarded-host': ['evil.test', 'APP.test'],
  })
  t.strictSame({ method, target }, { method: 'DELETE', target: '/a?b=c' })
  t.strictSame([asked({}).method, asked({}).target], ['GET', '/'])
})

t.test('a page of another host is nowhere to come back to', async (t) => {
  for (const host of ['evil.test', 'app.test.evil.test', 'test'])
    t.equal(asked({ 'x-forwarded-uri': ['/a'], 'x-forwarded-host': [host] }).target, '/', host)
})

t.test('a WebSocket handshake is one by its key, where the edge dropped Upgrade', async (t) => {
  t.notOk(asked({}).upgrade)
  t.ok(asked({ 'sec-websocket-key': ['x'] }).upgrade)
  t.ok(asked({}, true).upgrade)
})
