// The last look at a head before it is written, whichever plugin made it.
import t from 'tap'
import { assertSendable, earlyHints, endToEnd, nameAnswer, promisedLength } from '../../../core/run/fields.ts'
import { LiveHead } from '../../../core/run/head.ts'

const connection = ['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade']
const unwritable = ['a\r\nX-Planted: 1', 'a\nb', 'a\0b', 'a\x1fb', 'a\x7fb', 'a\u0100b']
const writable = ['', 'a b', 'a\tb', 'caf\xe9', '\xff']

t.test('what belongs to one connection does not leave it, however it is spelt', async (t) => {
  for (const name of connection) {
    for (const spelt of [name, name.toLowerCase(), name.toUpperCase()]) {
      t.same(endToEnd([spelt, 'x', 'X-A', '1']), ['X-A', '1'], spelt)
      t.throws(() => assertSendable(200, [spelt, 'x']), { code: 'INTERNAL' }, spelt)
      const head = new LiveHead(200, [spelt, 'x'], 'upstream')
      t.throws(() => head.headers.set(spelt, 'x'), { code: 'INTERNAL' }, spelt)
      t.throws(() => head.headers.append(spelt, 'x'), { code: 'INTERNAL' }, spelt)
      t.throws(() => head.headers.delete(name.toLowerCase() as 'te'), { code: 'INTERNAL' }, spelt)
    }
  }
  t.same(endToEnd(['Content-Length', '3']), ['Content-Length', '3'], 'a length is that of the body')
  t.throws(() => assertSendable(200, ['content-length', '4'], '3'), { code: 'INTERNAL' })
  t.doesNotThrow(() => assertSendable(200, ['content-length', '3'], '3'))
})

t.test(
  'a field that cannot be written is left out of what a service said, and an error where a stage said it',
  async (t) => {
    for (const value of unwritable) {
      t.same(endToEnd(['X-A', value, 'X-B', '1']), ['X-B', '1'], JSON.stringify(value))
      t.throws(() => assertSendable(200, ['X-A', value]), { code: 'INTERNAL' }, JSON.stringify(value))
      t.throws(() => new LiveHead(200, [], 'stage').headers.set('X-A', value), { code: 'INTERNAL' })
      t.same(earlyHints(['Link', value]), {}, JSON.stringify(value))
    }
    for (const name of ['', 'X A', 'X:A', 'X\r\nA', 'X\xe9']) {
      t.same(endToEnd([name, '1']), [], JSON.stringify(name))
      t.throws(() => assertSendable(200, [name, '1']), { code: 'INTERNAL' }, JSON.stringify(name))
    }
    for (const value of writable) {
      t.same(endToEnd(['X-A', value]), ['X-A', value], JSON.stringify(value))
      t.doesNotThrow(() => assertSendable(200, ['X-A', value]), JSON.stringify(value))
    }
  },
)

t.test('an answer carries one correlation id, and it is ours', async (t) => {
  t.same(endToEnd(['x-CORRELATION-id', 'evil', 'X-A', '1']), ['X-A', '1'])
  const headers = ['X-Correlation-ID', 'evil', 'X-A', '1', 'x-correlation-id', 'worse']
  nameAnswer(headers, 'mine')
  t.same(headers, ['X-A', '1', 'X-Correlation-ID', 'mine'])
})

t.test('a promised length is one number', async (t) => {
  t.equal(promisedLength(['X-A', '1']), undefined)
  t.equal(promisedLength(['content-LENGTH', '12']), 12)
  for (const value of ['', '-1', '1, 1', '0x1', '1e3', ' 1', '1'.repeat(16)])
    t.ok(Number.isNaN(promisedLength(['Content-Length', value])), value)
  t.ok(Number.isNaN(promisedLength(['Content-Length', '1', 'content-length', '1'])), 'twice')
})

t.test('a hint passes on its links alone, all of them', async (t) => {
  t.same(earlyHints(['link', '</a>', 'X-A', '1', 'LINK', '</b>']), { link: ['</a>', '</b>'] })
})
