import t from 'tap'
import { baseUrl, duration, httpOrigin, isLoopbackUrl } from '../../../core/config/values.ts'

const ok = (schema: typeof duration | typeof baseUrl, value: unknown) => {
  const result = schema.safeParse(value)
  return result.success ? result.data : 'refused'
}

t.test('durations become milliseconds', async (t) => {
  t.equal(ok(duration, '250ms'), 250)
  t.equal(ok(duration, '30s'), 30_000)
  t.equal(ok(duration, '5m'), 300_000)
  t.equal(ok(duration, '12h'), 43_200_000)
  t.equal(ok(duration, '1d'), 86_400_000)
  t.equal(ok(duration, 30), 30_000)
  t.equal(ok(duration, '30'), 30_000)
  t.equal(ok(duration, 0.5), 500)
  t.equal(ok(duration, 0), 0)
})

t.test('what no timer can hold, or is no duration, is refused', async (t) => {
  for (const value of [
    '',
    '5 m',
    '-1s',
    -1,
    '1w',
    's',
    '1e3',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '25d',
    null,
    [],
    '1h30m',
  ])
    t.equal(ok(duration, value), 'refused', String(value))
})

t.test('an origin comes out as browsers write it', async (t) => {
  t.equal(ok(httpOrigin, 'HTTPS://App.Example.com:443/'), 'https://app.example.com')
  t.equal(ok(httpOrigin, 'http://localhost:8080'), 'http://localhost:8080')
  for (const value of [
    'app.example.com',
    'https://a/b',
    'https://a?',
    'https://a#',
    'https://u@a',
    'ftp://a',
    'https:a',
    'https:\\\\a',
    ' https://a',
    'https://a\t',
  ])
    t.equal(ok(httpOrigin, value), 'refused', value)
})

t.test('a base_url keeps its path, without the slash at its end', async (t) => {
  t.equal(ok(baseUrl, 'http://a:8100/'), 'http://a:8100')
  t.equal(ok(baseUrl, 'http://a/api//'), 'http://a/api')
  t.equal(ok(baseUrl, 'http://[::1]:80/x'), 'http://[::1]/x')
  for (const value of [
    'http://a/../b',
    'http://a/%2e%2e/b',
    'http://a/.',
    'http://u:p@a',
    'http://a?',
    'http://a#',
    '//a',
    'a:8100',
    'http:///a',
  ])
    t.equal(ok(baseUrl, value), 'refused', value)
})

t.test('loopback is told by the host, not by a prefix of it', async (t) => {
  t.ok(isLoopbackUrl('http://localhost:1'))
  t.ok(isLoopbackUrl('http://127.0.0.2'))
  t.ok(isLoopbackUrl('http://[::1]:1'))
  t.ok(isLoopbackUrl('http://app.localhost'))
  t.notOk(isLoopbackUrl('http://localhost.example.com'))
  t.notOk(isLoopbackUrl('http://127.example.com'))
})
