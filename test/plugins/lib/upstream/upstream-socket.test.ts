import { Buffer } from 'node:buffer'
import t from 'tap'
import { InterimReader } from '../../../../plugins/lib/upstream/upstream-socket.ts'

/** What comes out where the bytes arrive in pieces of `size`. */
function read(text: string, size: number): { readonly text: string; readonly expecting: boolean } {
  const reader = new InterimReader()
  reader.begin()
  const pieces: Buffer[] = []
  for (let i = 0; i < text.length; i += size) {
    const piece = Buffer.from(text.slice(i, i + size), 'latin1')
    if (reader.expecting) reader.read(piece)
    pieces.push(piece)
  }
  return { text: Buffer.concat(pieces).toString('latin1'), expecting: reader.expecting }
}

t.test('100 becomes an interim answer without a meaning, and nothing else is touched', (t) => {
  const final = 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'
  const cases: readonly [string, string][] = [
    [`HTTP/1.1 100 Continue\r\n\r\n${final}`, `HTTP/1.1 109 Continue\r\n\r\n${final}`],
    [`HTTP/1.1 100\r\nA: \r\r\n\r\n${final}`, `HTTP/1.1 109\r\nA: \r\r\n\r\n${final}`],
    [`HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\n\r\n${final}`, `HTTP/1.1 102 P\r\n\r\nHTTP/1.1 109 C\r\n\r\n${final}`],
    [final, final],
    ['HTTP/1.1 110 X\r\n\r\n', 'HTTP/1.1 110 X\r\n\r\n'],
    ['SSH-2.0-OpenSSH 100\r\n', 'SSH-2.0-OpenSSH 100\r\n'],
  ]
  for (const [given, expected] of cases) {
    for (const size of [1, 2, 3, 11, 12, 1000])
      t.equal(read(given, size).text, expected, `${given.slice(0, 20)} by ${size}`)
  }
  t.end()
})

t.test('what follows 101 is left alone', (t) => {
  const frames = 'HTTP/1.1 101 Switching\r\n\r\nabcdefghi100\r\n\r\nabcdefghi100'
  const { text, expecting } = read(frames, 5)
  t.equal(text, frames)
  t.notOk(expecting)
  t.end()
})
