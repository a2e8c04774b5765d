// Requests as hostile clients write them: valid ones, and every way of writing one that two readers were known to take for two things.
import type { Random } from './random.ts'

/** What one connection sends, in pieces that can be left out one by one. */
export interface Sent {
  readonly atoms: readonly string[]
  /** Nothing in it is wrong: each of its requests must be answered by the upstream. */
  readonly pure: boolean
}

const methods = ['GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const
const oddMethods = [
  'get',
  'TRACE',
  'CONNECT',
  'PRI',
  'G ET',
  '',
  'GET\t',
  'G\0T',
  'GET\x0b',
  'M-SEARCH',
  'é',
  'GET,',
  'A'.repeat(300),
  ' GET',
]
const ends = ['', '/', '/a', '/a%20b', '/a;b=c', '/%c3%a9', '/a+b', "/!$&'()*,:@~", '/a//b']
const queries = ['', '', '?', '?a=b', '?a=%00', '?q=../x', '?//evil', '?a=b&a=c;d', '?%zz', '?x=[y]|{z}', '?"']
const before = [
  '//',
  '/./',
  '/../',
  '/open/../',
  '/open/%2e%2e/',
  '/open/..;/',
  '/guarded/',
  '/OPEN/',
  '/%6fpen/',
  '/open/%2f',
  '/open\\',
  '*',
  '',
  'open/',
  '/open/a/../',
  'http://app.example/open/',
  'http://other.example/open/',
  'HTTP://app.example/open/',
  'http://a@app.example/open/',
  'http:/open/',
  '/open//',
  '/kept/%2f',
  '/cookies/',
  '/open/#',
  '/open/ ',
  '/open/\t',
  '/open/\x7f',
  '/open/\xff',
  '/open/\0',
  '/open/%00',
  '/open/%0d%0a',
  '/open/%',
  `/open/${'a'.repeat(9000)}`,
  '/reading/',
  '/auth/',
  '/named/',
]
const behind = [
  ' HTTP/1.1\r\nX: y',
  '\r',
  '\n',
  '#x',
  '\\..',
  '/..',
  '/%2e%2e',
  '%5c',
  '%2F..',
  ' x',
  '\x0b',
  '?\xff',
  '?#',
  '/../../guarded',
  `?${'q'.repeat(17000)}`,
]
const versions = [
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.2',
  'http/1.1',
  '',
  'HTTP/1.1 ',
  'HTTP/01.1',
  'HTTP/1.1x',
  'HTTP/1,1',
  'HTTP/1.',
  'HTTP /1.1',
]
const lineEnds = ['\n', '\r', '\r\r\n', '\n\r', '\0\r\n', ' \r\n', '\r\n ', '\r\n\t', '\x0b\r\n', '\u0085']
const hosts = [
  'Host: app.example',
  'host:app.example',
  'HOST: \tapp.example ',
  'Host: app.example:80',
  'Host: APP.EXAMPLE',
]
const oddHosts = [
  '',
  'Host:',
  'host: other.example',
  'Host: app.example, other.example',
  'Host: app.example\0',
  'Host: app.example/x',
  'Host: a@app.example',
  'Host : app.example',
  'Host: [::1',
  'Host: app.example:99999',
  'Host: app.example:',
  'Host: app.example\r\nHost: app.example',
  'Host: app.example\r\nhost: other.example',
  'H\xf6st: x',
]
const fields = [
  'Accept: */*',
  'X-A: 1',
  'x-a: 2',
  'X_A: 3',
  'X-Empty:',
  'X-Tab: a\tb',
  'X-High: caf\xe9',
  'User-Agent: fuzz',
  '__proto__: 1',
  'constructor: 2',
  '1: 2',
  'Cookie: theme=dark; bff_session=evil',
  'cookie: x=y',
  'Range: bytes=0-1',
  'If-None-Match: "a"',
  'Accept-Encoding: gzip',
  'Origin: http://app.example',
  'Cache-Control: no-cache',
  'X-Colon: a: b:',
  'X-Quote: "a, b"',
  '!#$%&: odd',
]
const owned = [
  'X-User-Id',
  'X-User-Email',
  'X-Original-User',
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-HTTP-Method-Override',
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'X-Forwarded-Prefix',
  'X-Forwarded-Port',
  'X-Forwarded-Server',
  'X-Forwarded-User',
  'X-Real-IP',
  'Forwarded',
  'Proxy',
  'Proxy-Authorization',
  'Proxy-Connection',
  'Keep-Alive',
  'Trailer',
  'TE',
]
const oddFields = [
  'X-Bad : 1',
  ' X-Fold: 1',
  'X-Fold: a\r\n b',
  'X-Nul: a\0b',
  'X-Cr: a\rb',
  'X-Lf: a\nX-Evil: b',
  ': none',
  'no colon',
  'X-\xe9: 1',
  'X Y: 1',
  'X-Del: \x7f',
  'X-Esc: \x1b[1m',
  'X(Y): 1',
  'Cookie: \0',
  'Connection: keep-alive, host, content-length, transfer-encoding',
  'Connection: x-a, via, x-forwarded-for',
  'connection: close, X-A',
  'Connection: \x01',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
  'Expect: 100-continue',
  'Expect: 200-maybe',
  'Expect: 100-continue, x',
  'Max-Forwards: 0',
  'Content-Type: a\tb',
  'Content_Length: 5',
  'Transfer_Encoding: chunked',
  'TE: chunked',
  `X-Long: ${'l'.repeat(33_000)}`,
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Version: 13',
  'Authorization: Bearer a\x00b',
]
const framings = [
  'Content-Length: 5',
  'content-length: 05',
  'Content-Length: 5, 5',
  'Content-Length:',
  'Content-Length: +5',
  'Content-Length: 0x5',
  'Content-Length: 5 5',
  'Content-Length: -1',
  'Content-Length: 0',
  'Content-Length: 99999999999999999999',
  'Content-Length : 5',
  'Content-Length: 5\x0b',
  'Content-Length:\r\n 5',
  'Content-Length: 1e1',
  'Content-Length: 5;a',
  'Transfer-Encoding: chunked',
  'transfer-encoding: CHUNKED',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding:\r\n chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding\0: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rContent-Length: 5',
]
const chunkEnds = [
  '\n',
  '\r',
  '',
  ' \r\n',
  '\r\n\r\n',
  ';a=b\r\n',
  ';a\n\r\n',
  ';\r\n',
  ';a="\r\n"\r\n',
  '\t\r\n',
  '\0\r\n',
  `;${'e'.repeat(20_000)}\r\n`,
]
const chunkSizes = [
  '0x5',
  '+5',
  '-1',
  '5 5',
  '05',
  '0000000000000005',
  'g',
  '',
  '5_',
  'FFFFFFFFFFFFFFFFF',
  '7fffffffffffffff',
  '5.',
  '\xd9\xa5',
]
const lasts = [
  '0\r\n',
  '0\r\nX-Trailer: 1\r\n\r\n',
  '0\r\nX-User-Id: evil\r\nContent-Length: 5\r\n\r\n',
  '00\r\n\r\n',
  '0;a=b\r\n\r\n',
  '0\n\n',
  '0\r\n\n',
  '0 \r\n\r\n',
  '0\r\nHost: evil\r\n\r\n',
  '0\r\n X\r\n\r\n',
  '0\r\nTransfer-Encoding: chunked\r\n\r\n',
  '0\r\n: x\r\n\r\n',
]

/** `mark` stands in each target, so that each is told from all others of a run. */
export function connection(random: Random, mark: string): Sent {
  const pure = random.chance(0.15)
  const count = 1 + random.below(pure ? 6 : 4)
  const atoms: string[] = []
  for (let i = 0; i < count; i++)
    atoms.push(...request(random, `~${mark}-${i}~`, pure ? 0 : random.pick([0, 1, 1, 2, 4])))
  if (!pure && random.chance(0.15)) scramble(random, atoms)
  atoms.push(`GET /open/~${mark}-end~ HTTP/1.1\r\n`, 'Host: app.example\r\n', 'Connection: close\r\n', '\r\n')
  return { atoms, pure }
}

function request(random: Random, name: string, wrongs: number): string[] {
  const wrong = new Set(Array.from({ length: wrongs }, () => random.below(9)))
  const method = wrong.has(0) ? random.pick(oddMethods) : random.pick(methods)
  const path = `${wrong.has(1) ? random.pick(before) : '/open/'}${name}`
  const target = `${path}${wrong.has(2) ? random.pick(behind) : random.pick(ends)}${random.pick(queries)}`
  const version = wrong.has(3) ? random.pick(versions) : 'HTTP/1.1'
  const lines = [random.pick(hosts), ...random.some(fields, 5), ...spoofed(random)]
  if (wrong.has(4)) lines[0] = random.pick(oddHosts)
  if (wrong.has(5)) lines.push(...random.some(oddFields, 3))
  const inner = random.chance(0.5)
    ? `GET /open/${name}smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n`
    : random.bytes(random.below(60))
  const body: string[] = []
  if (wrong.has(6)) {
    lines.push(random.pick(framings), ...random.some(framings, 2))
    body.push(...(random.chance(0.5) ? chunked(random, inner, wrong.has(7)) : [inner]))
  } else if (method !== 'GET' && method !== 'HEAD' && random.chance(0.7)) {
    const coded = wrong.has(7) || random.chance(0.5)
    lines.push(coded ? 'Transfer-Encoding: chunked' : `Content-Length: ${inner.length}`)
    body.push(...(coded ? chunked(random, inner, wrong.has(7)) : [inner]))
  }
  const end = () => (wrong.has(8) && random.chance(0.2) ? random.pick(lineEnds) : '\r\n')
  const rest = lines.length > 1 && random.chance(0.3) ? [...lines.slice(1), lines[0]!] : lines
  return [`${method} ${target} ${version}${end()}`, ...rest.map((line) => `${line}${end()}`), end(), ...body]
}

function spoofed(random: Random): string[] {
  if (random.chance(0.6)) return []
  return random.some(owned, 4).map((name) => {
    const spelt = random.pick([
      name,
      name.toLowerCase(),
      name.toUpperCase(),
      name.replaceAll('-', '_'),
      name.replace('-', '_'),
    ])
    return `${spelt}: evil`
  })
}

function chunked(random: Random, body: string, wrong: boolean): string[] {
  const atoms: string[] = []
  for (let at = 0; at < body.length; ) {
    const size = 1 + random.below(body.length - at)
    const said = wrong && random.chance(0.3) ? random.pick(chunkSizes) : size.toString(16)
    const odd = () => (wrong && random.chance(0.3) ? random.pick(chunkEnds) : '\r\n')
    atoms.push(`${said}${odd()}`, `${body.slice(at, at + size)}${odd()}`)
    at += size
  }
  return [...atoms, wrong && random.chance(0.5) ? random.pick(lasts) : '0\r\n\r\n']
}

/** Bytes changed, put in, left out or doubled, wherever it hurts. */
function scramble(random: Random, atoms: string[]): void {
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(atoms.length)
    const atom = atoms[at]!
    const byte = random.below(atom.length + 1)
    const put = random.pick(['', '\r', '\n', '\0', ' ', '\t', ':', ',', ';', '/', random.bytes(1), atom])
    atoms[at] = atom.slice(0, byte) + put + atom.slice(byte + random.below(2))
  }
}
