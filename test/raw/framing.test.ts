// Where a message begins and ends: whatever two readers could disagree about is refused, and the connection with it (RFC 9112 §2 to §7).
import t from 'tap'
import { get, post } from '../kit/front.ts'
import { chosen, startRawBridge } from '../kit/raw-bridge.ts'
import { type Refusal, refuses } from '../kit/raw-refusals.ts'

const host = 'Host: app.example\r\n'
const chunked = 'Transfer-Encoding: chunked\r\n'
const start = `POST /open/x HTTP/1.1\r\n${host}`

const refused: readonly Refusal[] = [
  {
    ids: 'H1-1',
    what: 'a length and a coding',
    bytes: `${start}Content-Length: 4\r\n${chunked}\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-1',
    what: 'a coding and a length',
    bytes: `${start}${chunked}Content-Length: 4\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-1 B6.2 CVE-2021-22959',
    what: 'a length and an empty coding',
    bytes: `${start}Content-Length: 4\r\nTransfer-Encoding:\r\n\r\nabcd`,
    status: 400,
  },
  {
    ids: 'H1-1 CVE-2019-20372',
    what: 'a length beside a coding in odd case',
    bytes: `${start}content-length: 4\r\ntRANSFER-eNCODING: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-2',
    what: 'a coding that is not last',
    bytes: `${start}Transfer-Encoding: chunked, identity\r\n\r\n`,
    status: 400,
  },
  { ids: 'H1-2', what: 'an empty coding', bytes: `${start}Transfer-Encoding:\r\n\r\n0\r\n\r\n`, status: 501 },
  {
    ids: 'H1-2',
    what: 'an unknown coding',
    bytes: `${start}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    status: 501,
  },
  { ids: 'H1-2', what: 'the coding identity', bytes: `${start}Transfer-Encoding: identity\r\n\r\n`, status: 501 },
  {
    ids: 'H1-2 CVE-2019-15605',
    what: 'a coding behind a vertical tab',
    bytes: `${start}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-2',
    what: 'a coding in quotes',
    bytes: `${start}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
    status: 501,
  },
  {
    ids: 'H1-2',
    what: 'a coding with a parameter',
    bytes: `${start}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`,
    status: 501,
  },
  {
    ids: 'H1-2 CVE-2022-32213 CVE-2022-32215',
    what: 'a coding in two lines',
    bytes: `${start}${chunked}${chunked}\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-2 CVE-2022-32215',
    what: 'a coding folded over two lines',
    bytes: `${start}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-3',
    what: 'a coding in HTTP/1.0',
    bytes: `POST /open/x HTTP/1.0\r\n${host}${chunked}\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-4',
    what: 'two lengths',
    bytes: `${start}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd`,
    status: 400,
  },
  {
    ids: 'H1-4',
    what: 'two equal lengths',
    bytes: `${start}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`,
    status: 400,
  },
  { ids: 'H1-4', what: 'a list of lengths', bytes: `${start}Content-Length: 4, 4\r\n\r\nabcd`, status: 400 },
  { ids: 'H1-4', what: 'an empty length', bytes: `${start}Content-Length:\r\n\r\nabcd`, status: 400 },
  { ids: 'H1-4', what: 'a length with a sign', bytes: `${start}Content-Length: +4\r\n\r\nabcd`, status: 400 },
  { ids: 'H1-4', what: 'a negative length', bytes: `${start}Content-Length: -4\r\n\r\nabcd`, status: 400 },
  { ids: 'H1-4', what: 'a hexadecimal length', bytes: `${start}Content-Length: 0x4\r\n\r\nabcd`, status: 400 },
  { ids: 'H1-4', what: 'a length with an underscore', bytes: `${start}Content-Length: 1_0\r\n\r\nabcd`, status: 400 },
  {
    ids: 'H1-4 CVE-2018-7159',
    what: 'a length with a blank in it',
    bytes: `${start}Content-Length: 1 0\r\n\r\nabcd`,
    status: 400,
  },
  {
    ids: 'H1-4',
    what: 'a length past 64 bits',
    bytes: `${start}Content-Length: 99999999999999999999\r\n\r\nabcd`,
    status: 400,
  },
  {
    ids: 'H1-4',
    what: 'a length past exact counting',
    bytes: `${start}Content-Length: 9007199254740993\r\n\r\nabcd`,
    status: 413,
  },
  {
    ids: 'H1-6 CVE-2019-16276',
    what: 'a blank before the colon',
    bytes: `${start}Content-Length : 4\r\n\r\nabcd`,
    status: 400,
  },
  {
    ids: 'H1-6',
    what: 'a tab before the colon',
    bytes: `GET /open/x HTTP/1.1\r\n${host}X-A\t: 1\r\n\r\n`,
    status: 400,
  },
  { ids: 'H1-7', what: 'obs-fold', bytes: `GET /open/x HTTP/1.1\r\n${host}X-A: 1\r\n 2\r\n\r\n`, status: 400 },
  {
    ids: 'H1-8 CVE-2024-27982',
    what: 'a blank before the first field',
    bytes: `GET /open/x HTTP/1.1\r\n X-A: 1\r\n${host}\r\n`,
    status: 400,
  },
  {
    ids: 'H1-9 CVE-2023-30589 CVE-2022-35948',
    what: 'a bare CR in a field',
    bytes: `GET /open/x HTTP/1.1\r\n${host}X-A: 1\rX-B: 2\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-9 CVE-2025-23167',
    what: 'a head that ends in CR LF CR',
    bytes: `GET /open/x HTTP/1.1\r\n${host}\r\rX`,
    status: 400,
  },
  {
    ids: 'H1-9 CVE-2022-32214',
    what: 'a bare LF behind a field',
    bytes: `GET /open/x HTTP/1.1\r\n${host}X-A: 1\nX-B: 2\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-9 CVE-2022-35256',
    what: 'a field that LF alone ends',
    bytes: `GET /open/x HTTP/1.1\r\n${host}X-A: 1\n\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-10 CVE-2019-9900',
    what: 'a NUL in a value',
    bytes: `GET /open/x HTTP/1.1\r\n${host}X-A: 1\x002\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-10',
    what: 'a control byte in a value',
    bytes: `GET /open/x HTTP/1.1\r\n${host}X-A: 1\x012\r\n\r\n`,
    status: 400,
  },
  { ids: 'H1-10', what: 'a DEL in a value', bytes: `GET /open/x HTTP/1.1\r\n${host}X-A: 1\x7f2\r\n\r\n`, status: 400 },
  {
    ids: 'H1-9 CVE-2020-8201',
    what: 'a bare CR in a name',
    bytes: `GET /open/x HTTP/1.1\r\n${host}Transfer\rEncoding: chunked\r\n\r\n`,
    status: 400,
  },
  { ids: 'H1-10', what: 'a NUL in a name', bytes: `GET /open/x HTTP/1.1\r\n${host}X\x00A: 1\r\n\r\n`, status: 400 },
  { ids: 'H1-10', what: 'a field without a name', bytes: `GET /open/x HTTP/1.1\r\n${host}: 1\r\n\r\n`, status: 400 },
  {
    ids: 'H1-10',
    what: 'a line without a colon',
    bytes: `GET /open/x HTTP/1.1\r\n${host}nothing\r\n\r\n`,
    status: 400,
  },
  { ids: 'H1-11', what: 'no Host', bytes: 'GET /open/x HTTP/1.1\r\n\r\n', status: 400 },
  {
    ids: 'H1-11 B6.2',
    what: 'two Hosts',
    bytes: `GET /open/x HTTP/1.1\r\n${host}Host: evil.example\r\n\r\n`,
    status: 400,
  },
  {
    ids: 'H1-11 B6.2',
    what: 'two Hosts in odd case',
    bytes: `GET /open/x HTTP/1.1\r\n${host}hOST: app.example\r\n\r\n`,
    status: 400,
  },
  { ids: 'H1-11', what: 'two Hosts in HTTP/1.0', bytes: `GET /open/x HTTP/1.0\r\n${host}${host}\r\n`, status: 400 },
  { ids: 'H1-11', what: 'an empty Host', bytes: 'GET /open/x HTTP/1.1\r\nHost:\r\n\r\n', status: 400 },
  { ids: 'H1-11', what: 'a Host with a path', bytes: 'GET /open/x HTTP/1.1\r\nHost: a/b\r\n\r\n', status: 400 },
  {
    ids: 'H1-11',
    what: 'a Host with user information',
    bytes: 'GET /open/x HTTP/1.1\r\nHost: a@b\r\n\r\n',
    status: 400,
  },
  { ids: 'H1-11', what: 'a Host with a comma', bytes: 'GET /open/x HTTP/1.1\r\nHost: a, b\r\n\r\n', status: 400 },
  { ids: 'H1-11', what: 'a Host with a blank', bytes: 'GET /open/x HTTP/1.1\r\nHost: a b\r\n\r\n', status: 400 },
  {
    ids: 'H1-11',
    what: 'a Host with a port that is none',
    bytes: 'GET /open/x HTTP/1.1\r\nHost: a:b\r\n\r\n',
    status: 400,
  },
  { ids: 'H1-11', what: 'a Host with a tab', bytes: 'GET /open/x HTTP/1.1\r\nHost: a\tb\r\n\r\n', status: 400 },
  { ids: 'H1-11', what: 'a Host with a high byte', bytes: 'GET /open/x HTTP/1.1\r\nHost: a\xe9\r\n\r\n', status: 400 },
  { ids: 'H1-13', what: 'a target with a blank', bytes: `GET /open/x y HTTP/1.1\r\n${host}\r\n`, status: 400 },
  {
    ids: 'H1-13 CVE-2013-4547',
    what: 'a target with an escaped-looking blank',
    bytes: `GET /open/x \0/y HTTP/1.1\r\n${host}\r\n`,
    status: 400,
  },
  { ids: 'H1-13', what: 'a tab in the request line', bytes: `GET /open/x\tHTTP/1.1\r\n${host}\r\n`, status: 400 },
  { ids: 'H1-13', what: 'a blank behind the version', bytes: `GET /open/x HTTP/1.1 \r\n${host}\r\n`, status: 400 },
  { ids: 'H1-13', what: 'a blank before the method', bytes: ` GET /open/x HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { ids: 'H1-13', what: 'no version', bytes: `GET /open/x\r\n${host}\r\n`, status: 400 },
  { ids: 'H1-13', what: 'HTTP/2.0', bytes: `GET /open/x HTTP/2.0\r\n${host}\r\n`, status: 400 },
  { ids: 'H1-13', what: 'HTTP/1.2', bytes: `GET /open/x HTTP/1.2\r\n${host}\r\n`, status: 400 },
  { ids: 'H1-13', what: 'HTTP/0.9', bytes: `GET /open/x HTTP/0.9\r\n${host}\r\n`, status: 400 },
  { ids: 'H1-13', what: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400 },
  { ids: 'H1-13', what: 'a TLS hello', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', status: 400 },
  { ids: 'H1-14', what: 'an unknown method', bytes: `BREW /open/x HTTP/1.1\r\n${host}\r\n`, status: 501 },
  {
    ids: 'H1-14',
    what: 'a very long method',
    bytes: `${'A'.repeat(300)} /open/x HTTP/1.1\r\n${host}\r\n`,
    status: 501,
  },
  { ids: 'H9-7', what: 'a method in lower case', bytes: `get /open/x HTTP/1.1\r\n${host}\r\n`, status: 501 },
  { ids: 'H9-7', what: 'a method of another protocol', bytes: `DESCRIBE /open/x HTTP/1.1\r\n${host}\r\n`, status: 501 },
  { ids: 'H9-5', what: 'TRACE', bytes: `TRACE /open/x HTTP/1.1\r\n${host}\r\n`, status: 405 },
  {
    ids: 'H9-4 H9-5',
    what: 'TRACE that ends here',
    bytes: `TRACE /open/x HTTP/1.1\r\n${host}Max-Forwards: 0\r\n\r\n`,
    status: 405,
  },
  {
    ids: 'H9-6 CVE-2025-64763 CVE-2026-71324',
    what: 'CONNECT, and what follows it',
    bytes: `CONNECT other:443 HTTP/1.1\r\n${host}\r\n`,
    status: 405,
  },
  {
    ids: 'H9-9',
    what: 'an unknown expectation',
    bytes: `${start}Content-Length: 1\r\nExpect: more\r\n\r\nx`,
    status: 417,
  },
  {
    ids: 'H9-9 GHSA-6x33-pw7p-hmpq',
    what: 'an unknown expectation beside a known one',
    bytes: `${start}Content-Length: 1\r\nExpect: 100-continue\r\nExpect: more\r\n\r\nx`,
    status: 417,
  },
]

const bad: readonly { ids: string; what: string; body: string }[] = [
  { ids: 'H1-15', what: 'a chunk size that overflows', body: 'fffffffffffffffff\r\nab\r\n' },
  { ids: 'H1-15', what: 'a chunk size with a sign', body: '+2\r\nab\r\n' },
  { ids: 'H1-15', what: 'a chunk size with 0x', body: '0x2\r\nab\r\n' },
  { ids: 'H1-15', what: 'an empty chunk size', body: '\r\nab\r\n' },
  { ids: 'H1-15', what: 'a chunk longer than its size', body: '2\r\nabc\r\n' },
  { ids: 'H1-15 CVE-2025-55315', what: 'a bare LF in a chunk extension', body: '2;\nxx\r\nab\r\n' },
  { ids: 'H1-15 CVE-2025-55315 CVE-2021-22960', what: 'a bare CR in a chunk extension', body: '2;a\rb\r\nab\r\n' },
  { ids: 'H1-15 CVE-2025-55315', what: 'a bare LF behind a chunk size', body: '2\nab\r\n' },
  { ids: 'H1-15 CVE-2025-55315', what: 'a bare LF behind a chunk', body: '2\r\nab\n' },
  { ids: 'H1-15 CVE-2020-8287', what: 'a bare LF in the trailers', body: '2\r\nab\r\n0\r\nX: 1\n\r\n' },
]

t.test('a request that two readers could read differently', async (t) => {
  const bridge = await startRawBridge(t)
  refuses(t, () => bridge, refused)
})

t.test('a body whose chunks cannot be read ends its connection, and nothing behind it runs', async (t) => {
  const bridge = await startRawBridge(t, () => {})
  for (const { ids, what, body } of chosen(bad)) {
    t.test(`${ids}: ${what}`, async (t) => {
      const client = bridge.send(post(`${body}0\r\n\r\n${get('/open/smuggled')}`, '/open/x', chunked))
      await client.ended
      t.match(client.text, /^(HTTP\/1\.1 400 |$)/)
      t.equal(client.text.split(/HTTP\/1\.1 \d/).length - 1, client.text === '' ? 0 : 1, 'at most one answer')
      const heard = bridge.upstream.heard.join('')
      t.notMatch(heard, /smuggled/)
      t.notMatch(heard, /\r\n0\r\n\r\n$/, 'the upstream sees no whole request')
    })
  }
})

interface Taken {
  readonly ids: string
  readonly what: string
  readonly bytes: string
  readonly line: string
  readonly body?: string
}

const taken: readonly Taken[] = [
  { ids: 'H1-13', what: 'empty lines before', bytes: `\r\n\r\n${get('/open/a')}`, line: 'GET /a HTTP/1.1' },
  {
    ids: 'H1-13',
    what: 'two blanks in the request line',
    bytes: `GET  /open/a  HTTP/1.1\r\n${host}\r\n`,
    line: 'GET /a HTTP/1.1',
  },
  { ids: 'H1-3', what: 'HTTP/1.0', bytes: 'GET /open/a HTTP/1.0\r\n\r\n', line: 'GET /a HTTP/1.1' },
  {
    ids: 'H1-4',
    what: 'a length with leading zeros',
    bytes: post('four', '/open/a', 'Content-Length: 0004\r\n'),
    line: 'POST /a HTTP/1.1',
    body: 'four',
  },
  { ids: 'H1-4', what: 'a body with a length', bytes: post('four', '/open/a'), line: 'POST /a HTTP/1.1', body: 'four' },
  { ids: 'H1-4', what: 'a body of no bytes', bytes: post('', '/open/a'), line: 'POST /a HTTP/1.1', body: '' },
  {
    ids: 'H1-4',
    what: 'a GET with a body',
    bytes: post('four', '/open/a').replace('POST', 'GET'),
    line: 'GET /a HTTP/1.1',
    body: 'four',
  },
  {
    ids: 'H1-15 B6.1',
    what: 'a chunked DELETE with an extension and a trailer',
    bytes: post('4;ext=1\r\nfour\r\n0\r\nX-Original-User: eve\r\n\r\n', '/open/a', chunked).replace('POST', 'DELETE'),
    line: 'DELETE /a HTTP/1.1',
    body: '4\r\nfour\r\n0\r\n\r\n',
  },
  {
    ids: 'B6.1',
    what: 'a chunked OPTIONS',
    bytes: post('4\r\nfour\r\n0\r\n\r\n', '/open/a', chunked).replace('POST', 'OPTIONS'),
    line: 'OPTIONS /a HTTP/1.1',
    body: '4\r\nfour\r\n0\r\n\r\n',
  },
  {
    ids: 'H1-19',
    what: 'a body that looks like a request',
    bytes: post(get('/smuggled'), '/open/a'),
    line: 'POST /a HTTP/1.1',
    body: get('/smuggled'),
  },
  {
    ids: 'CVE-2023-51701 CVE-2026-25223 CVE-2025-32997 CVE-2026-55603',
    what: 'an odd Content-Type',
    bytes: post('{"a":1', '/open/a', 'Content-Type: a\tb;;=\r\nContent-Length: 6\r\n'),
    line: 'POST /a HTTP/1.1',
    body: '{"a":1',
  },
  {
    ids: 'H9-7',
    what: 'a method few know',
    bytes: get('/open/a').replace('GET', 'PROPFIND'),
    line: 'PROPFIND /a HTTP/1.1',
  },
  {
    ids: 'H9-7',
    what: 'a method with a dash',
    bytes: get('/open/a').replace('GET', 'M-SEARCH'),
    line: 'M-SEARCH /a HTTP/1.1',
  },
]

t.test('a request that all read alike', async (t) => {
  const bridge = await startRawBridge(t)
  for (const { ids, what, bytes, line, body = '' } of chosen(taken)) {
    t.test(`${ids}: ${what} reaches the upstream as one well-formed request`, async (t) => {
      const { client, ...answer } = await bridge.ask(bytes)
      client.close()
      t.match(answer, { status: 200, body: 'fine' })
      t.match(bridge.arrived(), [{ line, body }])
    })
  }
})

t.test('H1-20 B6.2: what is pipelined behind a request that is answered and closed never runs', async (t) => {
  const bridge = await startRawBridge(t)
  const { client } = await bridge.ask(get('/open/first', 'Connection: close\r\n') + get('/open/second'))
  await client.ended
  t.equal(client.text.split(/HTTP\/1\.1 \d/).length, 2, 'one answer')
  t.match(bridge.arrived(), [{ line: 'GET /first HTTP/1.1' }])
})

t.test('H1-19 H1-20: a refused upload is read past, not parsed, and the next request is a new one', async (t) => {
  const bridge = await startRawBridge(t)
  const { client } = await bridge.ask(post(get('/open/smuggled'), '/guarded/x') + get('/open/next'))
  t.match(await client.answers(2), [{ status: 401 }, { status: 200, body: 'fine' }])
  t.match(bridge.arrived(), [{ line: 'GET /next HTTP/1.1' }])
})

t.test('H1-15 CVE-2024-22019: a chunk extension goes nowhere, and on Node is bounded', async (t) => {
  const bridge = await startRawBridge(t)
  const bytes = post(`4;${'a'.repeat(20_000)}\r\nfour\r\n0\r\n\r\n`, '/open/a', chunked)
  const client = bridge.send(bytes)
  await client.answers(1).catch(() => client.ended)
  client.close()
  if ('Deno' in globalThis) t.match(bridge.arrived(), [{ body: '4\r\nfour\r\n0\r\n\r\n' }])
  else t.notMatch(bridge.upstream.heard.join(''), /four/)
  t.notMatch(bridge.upstream.heard.join(''), /aaaa/)
})
