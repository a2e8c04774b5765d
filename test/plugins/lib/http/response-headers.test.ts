import process from 'node:process'
import t from 'tap'
import { withoutChallenge } from '../../../../plugins/lib/http/challenges.ts'
import { OwnCookies } from '../../../../plugins/lib/http/own-cookies.ts'
import { ResponseFilter } from '../../../../plugins/lib/http/response-headers.ts'

const own = new OwnCookies('my_sid')
const open = new ResponseFilter(own, false)
const personal = new ResponseFilter(own, true)

const cache = (...values: string[]) =>
  personal
    .head(
      200,
      values.flatMap((v) => ['Cache-Control', v]),
    )
    .filter((_, i) => i % 2 === 1)

t.test('an upstream cannot set a cookie of ours, however it spells it', (t) => {
  const disguises = [
    'bff_session=x',
    'BFF_Session=x; Path=/',
    ' bff_session = x',
    '=bff_session=x',
    ' = =bff_session=x',
    '\tbff_session\t=x',
    'bff_session',
    'bff_session; Path=/',
    '__Host-bff_session=x',
    '__host-BFF_SESSION=x',
    '__Secure-bff_session=x',
    '__Host-Http-bff_session=x',
    '__Http-bff_login=x',
    'bff_login=',
    'my_sid=x',
    '__Host-my_sid=x',
  ]
  for (const value of disguises) t.same(open.head(304, ['Set-Cookie', value]), [], value)
  const theirs = [
    'Set-Cookie',
    'a=bff_session=1',
    'set-cookie',
    'xbff_session=1',
    'Set-Cookie',
    'a=b, bff_session=x',
    'Set-Cookie',
    '',
  ]
  t.same(open.head(200, theirs), theirs)
  t.same(open.trailers(['Set-Cookie', 'a=1', 'X-T', '1', 'Content-Length', '3']), ['X-T', '1'])
  t.same(open.interim(['Set-Cookie', 'a=1', 'Link', '</a>']), ['Link', '</a>'])
  t.end()
})

t.test('an upstream cannot make the browser drop its cookies', (t) => {
  const kept = (value: string) => open.head(200, ['Clear-Site-Data', value])
  for (const value of ['"cookies"', '"*"', ' "Cookies" , "*"']) t.same(kept(value), [], value)
  t.same(kept('"cache", "cookies"'), ['Clear-Site-Data', '"cache"'])
  t.same(kept('"storage", "cache"'), ['Clear-Site-Data', '"storage", "cache"'])
  t.end()
})

t.test('a Bearer challenge is taken out of its list, others stay', (t) => {
  const cases: readonly [string, string][] = [
    ['Bearer', ''],
    ['bearer realm="a, b", error="invalid_token"', ''],
    ['Bearer realm="x", Basic realm="y", charset="UTF-8"', 'Basic realm="y", charset="UTF-8"'],
    ['Basic realm="Bearer", BEARER error = "x" , scope="a b"', 'Basic realm="Bearer"'],
    ['Negotiate, Bearer', 'Negotiate'],
    ['Negotiate abc==, Bearer abc==', 'Negotiate abc=='],
    ['Digest qop="auth, auth-int", nonce="\\"Bearer", Bearer', 'Digest qop="auth, auth-int", nonce="\\"Bearer"'],
    ['Bearer realm="never ends, Basic realm="x', ''],
    ['BearerX a=1', 'BearerX a=1'],
  ]
  for (const [value, expected] of cases) t.equal(withoutChallenge(value, 'bearer'), expected, value)
  t.same(open.head(401, ['WWW-Authenticate', 'Bearer', 'www-authenticate', 'Basic realm="x"']), [
    'www-authenticate',
    'Basic realm="x"',
  ])
  t.same(open.head(401, ['WWW-Authenticate', 'Bearer']), ['WWW-Authenticate', 'Session'], 'a 401 keeps a challenge')
  t.same(open.head(200, ['WWW-Authenticate', 'Bearer']), [])
  t.same(open.head(401, ['X', '1']), ['X', '1'])
  t.end()
})

t.test('a session’s answer is for no shared cache', (t) => {
  const cases: readonly [string[], string][] = [
    [[], 'private'],
    [['no-store'], 'no-store'],
    [['private, max-age=60'], 'private, max-age=60'],
    [['max-age=60'], 'max-age=60, private'],
    [['Public, max-age=60, S-MaxAge=600'], 'max-age=60, private'],
    [['public, private'], 'private'],
    [['max-age=1', 'public'], 'max-age=1, private'],
    [['private="x-a, public", max-age=1'], 'private="x-a, public", max-age=1, private'],
    [['no-cache'], 'no-cache, private'],
  ]
  for (const [given, expected] of cases) t.same(cache(...given), [expected], given.join(' + '))
  t.same(
    personal.head(200, [
      'CDN-Cache-Control',
      'max-age=9',
      'Cloudflare-CDN-Cache-Control',
      'max-age=9',
      'Akamai-Cache-Control',
      'max-age=9',
      'Surrogate-Control',
      'x',
      'X-Accel-Expires',
      '9',
      'ETag',
      '"1"',
    ]),
    ['ETag', '"1"', 'Cache-Control', 'private'],
  )
  t.same(
    open.head(200, ['Cache-Control', 'public']),
    ['Cache-Control', 'public'],
    'public routes are the upstream’s to judge',
  )
  t.end()
})

t.test('an upstream does not open a session’s answers to other origins', (t) => {
  const cors = [
    'Access-Control-Allow-Origin',
    'https://evil.test',
    'Access-Control-Allow-Credentials',
    'true',
    'Vary',
    'Origin',
  ]
  t.same(personal.head(200, [...cors, 'Cache-Control', 'no-store']), ['Vary', 'Origin', 'Cache-Control', 'no-store'])
  t.same(open.head(200, cors), cors)
  t.end()
})

t.test('an upstream does not have the requests of others reported to it, or moved', (t) => {
  const policies = [
    ...['NEL', '{"report_to":"all","max_age":31536000,"success_fraction":1.0}'],
    ...['Report-To', '{"group":"all","max_age":31536000,"endpoints":[{"url":"https://evil.test/"}]}'],
    ...['Alt-Svc', 'h2="evil.test:443"; ma=31536000; persist=1'],
  ]
  for (const filter of [open, personal]) {
    t.notMatch(filter.head(200, policies).join(), /evil|success_fraction/)
    t.same([filter.interim(policies), filter.trailers(policies)], [[], []])
  }
  t.same(open.head(200, ['Reporting-Endpoints', 'own="/r"']), ['Reporting-Endpoints', 'own="/r"'], 'of one document')
  t.end()
})

t.test('what is of the upstream’s connection ends with it', (t) => {
  const fields = [
    'Connection',
    'keep-alive, X-Hop',
    'X-Hop',
    '1',
    'Keep-Alive',
    'timeout=5',
    'Upgrade',
    'h2c',
    'Content-Length',
    '3',
    'Server',
    's',
  ]
  t.same(open.head(200, fields), ['Content-Length', '3', 'Server', 's'])
  t.end()
})

t.test('long values cost no more than their length', (t) => {
  const quotes = '",'.repeat(16_000)
  const started = process.cpuUsage()
  for (const name of ['WWW-Authenticate', 'Cache-Control', 'Set-Cookie', 'Connection'])
    personal.head(200, [name, quotes])
  personal.head(200, ['Set-Cookie', ' ='.repeat(16_000)])
  const { user, system } = process.cpuUsage(started)
  t.ok(user + system < 500_000)
  t.end()
})
