// What an upstream may answer, from clean to hostile. `poison` must never reach a client as a head of its own.
import type { Random } from './random.ts'

export interface Script {
  readonly bytes: string
  /** What the upstream does with the connection behind its bytes. */
  readonly ending: 'keep' | 'fin' | 'reset'
  /** As soon as the head of the request is there, whatever of its body is to come. */
  readonly early: boolean
  /** `clean` must be passed on; `broken` must not look whole; of `odd` only the client's side is judged. */
  readonly verdict: 'clean' | 'broken' | 'odd'
}

const oddLines = [
  'HTTP/1.1 200',
  'HTTP/1.0 200 OK',
  'HTTP/2 200 OK',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 099 Low',
  'HTTP/1.1 600 High',
  'HTTP/1.1 20 OK',
  'HTTP/1.1 200 O\0K',
  'HTTP/1.1 200 \xe9',
  'HTTP/1.1  200 OK',
  '200 OK',
  '',
  'HTTP/1.1 101 Switching Protocols',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 304 Not Modified',
  'HTTP/1.1 205 Reset',
  'HTTP/1.1 103 Early Hints',
  'HTTP/1.1 500 Own',
  'HTTP/1.1 302 Found',
]
const oddFields = [
  'Content-Length: 5, 5',
  'Content-Length: -1',
  'Content-Length: 1',
  'Content-Length: 999',
  'Content-Length: 0x1',
  'Content-Length:',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:',
  'X-Fold: a\r\n b',
  'X-Nul: a\0b',
  'X-Cr: a\rX-Echo: poison',
  'X-Lf: a\nX-Echo: poison',
  'X-Bad : 1',
  ': none',
  'none',
  'X-\xe9: 1',
  'Set-Cookie: bff_session=poison',
  'Set-Cookie:  __Host-bff_session=poison; Path=/',
  'Connection: close',
  'Connection: keep-alive, x-echo, content-length',
  'Connection: upgrade\r\nUpgrade: websocket',
  'Keep-Alive: timeout=0',
  'WWW-Authenticate: Bearer realm=poison',
  'Trailer: X-Echo',
  'Location: http://evil.example/\r\n',
  'X-Long: '.padEnd(40_000, 'l'),
  'Content-Encoding: gzip',
  'Proxy-Authenticate: Basic',
  'X-Del: \x7f',
  'Content_Length: 9',
  '__proto__: 1',
]
const poison = 'HTTP/1.1 200 OK\r\nX-Echo: poison\r\nContent-Length: 6\r\n\r\npoison'
const body = 'abcdefghij'

export function answer(random: Random, hostile: boolean): Script {
  const style = hostile ? random.below(8) : 0
  if (style <= 1) return { bytes: clean(random), ending: 'keep', early: false, verdict: 'clean' }
  if (style <= 3) return torn(random)
  if (style === 4)
    return {
      bytes: random.pick(interim) + clean(random),
      ending: 'keep',
      early: random.chance(0.3),
      verdict: 'odd',
    }
  if (style === 5)
    return {
      bytes: clean(random) + random.pick([poison, 'x', '\r\n', '0\r\n\r\n', '\0']),
      ending: 'keep',
      early: false,
      verdict: 'odd',
    }
  if (style === 6)
    return {
      bytes: random.bytes(random.below(100)),
      ending: random.pick(['fin', 'reset']),
      early: random.chance(0.5),
      verdict: 'odd',
    }
  const line = random.chance(0.5) ? random.pick(oddLines) : 'HTTP/1.1 200 OK'
  const length = random.pick(['X: y', `Content-Length: ${body.length}`])
  // Behind an interim answer it would be a final one like any other.
  const rest = random.pick([body, '', line.includes(' 10') ? body : poison])
  const bytes = [line, 'X-Echo: ECHO', ...random.some(oddFields, 3), length, '', rest].join('\r\n')
  return { bytes, ending: random.pick(['fin', 'reset', 'fin']), early: random.chance(0.3), verdict: 'odd' }
}

const interim = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n',
  'HTTP/1.1 102 Processing\r\n\r\n'.repeat(3),
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
]

/** `ECHO` stands for the target that is answered. */
function clean(random: Random): string {
  const head = 'HTTP/1.1 200 OK\r\nX-Echo: ECHO\r\n'
  if (random.chance(0.6)) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`
  return `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n7;x=y\r\ndefghij\r\n0\r\n${random.chance(0.3) ? 'X-Trailer: 1\r\n' : ''}\r\n`
}

/** Cut before its last byte, where its head or its framing is not done. */
function torn(random: Random): Script {
  const whole = clean(random)
  const bytes = whole.slice(0, random.below(whole.length))
  return { bytes, ending: random.pick(['fin', 'reset']), early: false, verdict: 'broken' }
}
