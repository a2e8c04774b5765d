// What core says of a head before any stage sees it: also what the parser of this runtime refuses already, and that of another may not.
import t from 'tap'
import type { RawHeaders } from '../../../core/index.ts'
import type { ClientAnswer, ClientRequest } from '../../../core/run/client-message.ts'
import { type Arrival, arrivalOf, correlationId, inspect } from '../../../core/run/inbound.ts'
import { defaultLimits, type Limits } from '../../../core/run/limits.ts'
import { OwnNames } from '../../../core/run/own-names.ts'
import { hostProblem } from '../../../core/run/target.ts'

const HOST: RawHeaders = ['Host', 'app.example']
const own = new OwnNames(['http://app.example', 'https://app.example:8443'], [{ hosts: ['Shop.Example'] } as never])

interface Head {
  readonly method?: string
  readonly url?: string
  readonly minor?: number
  readonly major?: number
  readonly fields?: RawHeaders
}

function arrive({ method = 'POST', url = '/a', major = 1, minor = 1, fields = HOST }: Head): Arrival {
  const req: ClientRequest = {
    httpVersionMajor: major,
    httpVersionMinor: minor,
    method,
    url,
    rawHeaders: fields,
    socket: { destroyed: false, setTimeout() {}, destroy() {}, resetAndDestroy() {} },
    destroyed: false,
    complete: false,
    on: () => req,
    off: () => req,
    pause() {},
    resume() {},
  }
  return arrivalOf(req, { req } as ClientAnswer, false)
}

function judge(head: Head, limits: Partial<Limits> = {}) {
  return inspect(arrive(head), own, { ...defaultLimits, ...limits })
}

const refused: Record<string, [head: Head, code: string, close?: boolean]> = {
  'two lengths': [{ fields: [...HOST, 'Content-Length', '4', 'content-length', '4'] }, 'BAD_REQUEST'],
  'a length beside a transfer coding': [
    { fields: [...HOST, 'Transfer-Encoding', 'chunked', 'Content-Length', '4'] },
    'BAD_REQUEST',
  ],
  'two transfer codings': [
    { fields: [...HOST, 'Transfer-Encoding', 'chunked', 'transfer-encoding', 'chunked'] },
    'BAD_REQUEST',
  ],
  'another transfer coding': [{ fields: [...HOST, 'Transfer-Encoding', 'gzip, chunked'] }, 'NOT_IMPLEMENTED'],
  'a transfer coding in HTTP/1.0': [{ minor: 0, fields: [...HOST, 'Transfer-Encoding', 'chunked'] }, 'BAD_REQUEST'],
  'a length that is no number': [{ fields: [...HOST, 'Content-Length', '4, 4'] }, 'BODY_TOO_LARGE'],
  'a length past what can be counted': [{ fields: [...HOST, 'Content-Length', '9007199254740993'] }, 'BODY_TOO_LARGE'],
  'no Host': [{ fields: [] }, 'BAD_REQUEST'],
  'two Hosts': [{ fields: [...HOST, ...HOST] }, 'BAD_REQUEST'],
  'two Hosts in HTTP/1.0': [{ minor: 0, fields: [...HOST, ...HOST] }, 'BAD_REQUEST'],
  'a Host that is none': [{ fields: ['Host', 'a/b'] }, 'BAD_REQUEST'],
  'a Host that is not that of the target': [
    { url: 'http://app.example/a', fields: ['Host', 'shop.example'] },
    'BAD_REQUEST',
  ],
  'HTTP/1.2': [{ minor: 2 }, 'BAD_REQUEST'],
  'HTTP/2.0 in a request line': [{ major: 2, minor: 0 }, 'BAD_REQUEST'],
  'another expectation': [{ fields: [...HOST, 'Expect', 'x', 'Expect', '100-continue'] }, 'EXPECTATION_FAILED'],
  'an Upgrade that Connection does not name': [{ fields: [...HOST, 'Upgrade', 'websocket'] }, 'BAD_REQUEST'],
  'a host of others': [{ url: 'http://evil.example/a', fields: ['Host', 'evil.example'] }, 'BAD_TARGET', false],
  TRACE: [{ method: 'TRACE' }, 'METHOD_NOT_ALLOWED'],
  CONNECT: [{ method: 'CONNECT', url: 'app.example:443' }, 'METHOD_NOT_ALLOWED'],
  'a dot segment': [{ url: '/a/../b' }, 'BAD_TARGET', false],
  '* of another method': [{ method: 'GET', url: '*' }, 'BAD_TARGET', false],
}

t.test('what could be read in two ways is refused, and nothing behind it is believed', async (t) => {
  for (const [what, [head, code, close = true]] of Object.entries(refused)) t.match(judge(head), { code, close }, what)
})

const passed: Record<string, Head> = {
  'a body in chunks, however spelt': { fields: [...HOST, 'Transfer-Encoding', ' Chunked '] },
  'HTTP/1.0 without a Host': { minor: 0, fields: [] },
  'an expectation of HTTP/1.0, which has none': { minor: 0, fields: [...HOST, 'Expect', 'x'] },
  'an offer of another protocol': { fields: [...HOST, 'Upgrade', 'h2c'] },
  'its own name and port in the target': { url: 'http://APP.example:80/a', fields: ['Host', 'app.EXAMPLE:80'] },
  'another of its own': { url: 'https://app.example:8443/a', fields: ['Host', 'app.example:8443'] },
  'the host of a route, whatever its case': { url: 'HTTP://SHOP.example/a', fields: ['Host', 'shop.example'] },
  'OPTIONS that may go further': { method: 'OPTIONS', fields: [...HOST, 'Max-Forwards', '10'] },
  'GET that may not': { method: 'GET', fields: [...HOST, 'Max-Forwards', '0'] },
}

t.test('everything else passes', async (t) => {
  for (const [what, head] of Object.entries(passed)) t.equal(judge(head), undefined, what)
})

t.test('each limit is kept to the last byte', async (t) => {
  const fields = [...HOST, 'Content-Length', '4']
  t.equal(judge({ fields }, { body: 4, headerFields: 2 }), undefined)
  t.match(judge({ fields }, { body: 3 }), { code: 'BODY_TOO_LARGE', close: true })
  t.match(judge({ fields }, { headerFields: 1 }), { code: 'HEADERS_TOO_LARGE', close: true })
  t.equal(judge({ url: '/abc?defg' }, { path: 4, target: 9 }), undefined)
  t.match(judge({ url: '/abcd?efg' }, { path: 4 }), { code: 'TARGET_TOO_LONG' })
  t.match(judge({ url: '/abc?defg' }, { target: 8 }), { code: 'TARGET_TOO_LONG' })
  const whole = 'http://app.example/a'
  t.match(judge({ url: whole }, { target: whole.length - 1 }), { code: 'TARGET_TOO_LONG' }, 'the name counts as well')
})

t.test('a whole URL is read as the path and the Host it stands for', async (t) => {
  const cases: [url: string, target: string, authority: string | undefined][] = [
    ['http://app.example', '/', 'app.example'],
    ['http://app.example?q', '/?q', 'app.example'],
    ['https://app.example/a?b', '/a?b', 'app.example'],
    ['ftp://app.example/a', 'ftp://app.example/a', undefined],
    ['/http://evil.example/', '/http://evil.example/', undefined],
  ]
  for (const [url, target, authority] of cases) {
    const { inbound, ...arrival } = arrive({ url, minor: 0, fields: ['X-A', '1'] })
    t.equal(inbound.target, target, url)
    t.equal(arrival.authority, authority, url)
    t.same(inbound.rawHeaders, authority ? ['Host', authority, 'X-A', '1'] : ['X-A', '1'], url)
  }
  t.equal(arrive({ url: 'http://app.example', method: 'OPTIONS' }).inbound.target, '*')
})

t.test('whether a body follows is what its framing says', async (t) => {
  t.equal(arrive({ fields: HOST }).body, false)
  t.equal(arrive({ fields: ['Content-Length', '0'] }).body, false)
  t.equal(arrive({ fields: ['Content-Length', '1'] }).body, true)
  t.equal(arrive({ fields: ['Transfer-Encoding', 'chunked'] }).body, true)
})

t.test("a client's id is taken where it is short and harmless", async (t) => {
  for (const id of ['a', 'A-1_b.c:2', 'x'.repeat(128)]) t.equal(correlationId(id), id)
  for (const id of ['', 'x'.repeat(129), 'a b', 'a"b', 'a\tb', '\u00e9'])
    t.match(correlationId(id), /^[0-9a-f-]{36}$/, id)
})

t.test('a WebSocket handshake has no body, not even an empty one (CVE-2026-58055)', async (t) => {
  for (const framing of [
    ['Transfer-Encoding', 'chunked'],
    ['Content-Length', '1'],
    ['Content-Length', '0'],
  ]) {
    const arrival = arrive({ method: 'GET', fields: [...HOST, ...framing] })
    const handshake = {} as Arrival['handshake']
    const refusal = inspect({ ...arrival, handshake }, own, defaultLimits)
    t.match(refusal, { code: 'BAD_REQUEST', detail: 'a WebSocket handshake has no body', close: true }, framing.join())
  }
})

t.test('a Host is a name or an address, and a port', async (t) => {
  for (const host of ['a', 'a.example:80', '[::1]', '[2001:db8::1]:8443', '127.0.0.1:1'])
    t.equal(hostProblem(host), undefined)
  for (const host of [
    '',
    'a,b',
    'a@b',
    'a/b',
    'a:',
    'a:b',
    'a:123456',
    '[::1',
    '[::1]a',
    '[::1]:x',
    '[::1]@a',
    '[g::]',
  ])
    t.ok(hostProblem(host), host)
})
