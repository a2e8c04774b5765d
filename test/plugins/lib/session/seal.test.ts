import { Buffer } from 'node:buffer'
import t from 'tap'
import { KeyRing } from '../../../../plugins/lib/session/seal.ts'

const old = 'an old key with more than 32 bytes of text'
const young = 'a new key with more than 32 bytes of text'
const ring = new KeyRing([old])
const plain = Buffer.from('refresh token')

t.test('what was sealed opens with the same id, place and ring', async (t) => {
  const sealed = ring.seal('id', 's:place', plain)
  t.equal(Buffer.from(ring.open('id', 's:place', sealed) ?? []).toString(), 'refresh token')
  t.notOk(Buffer.from(sealed).includes('refresh'), 'the text is not to be seen')
})

t.test('nothing else opens it, and every failure looks the same', async (t) => {
  const sealed = ring.seal('id', 's:place', plain)
  t.equal(ring.open('other', 's:place', sealed), undefined, 'another id')
  t.equal(ring.open('id', 's:elsewhere', sealed), undefined, 'moved to another place')
  t.equal(new KeyRing([young]).open('id', 's:place', sealed), undefined, 'another ring')
  for (let at = 0; at < sealed.length; at++) {
    const changed = Uint8Array.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    if (ring.open('id', 's:place', changed) !== undefined) t.fail(`byte ${at} may be changed`)
    if (ring.open('id', 's:place', sealed.subarray(0, at)) !== undefined) t.fail(`opens when cut at ${at}`)
  }
  t.equal(ring.open('id', 's:place', new Uint8Array()), undefined)
})

t.test('the newest key seals, all open', async (t) => {
  const rotated = new KeyRing([young, old])
  t.ok(rotated.open('id', 'p', ring.seal('id', 'p', plain)), 'a value of before the rotation')
  t.equal(ring.open('id', 'p', rotated.seal('id', 'p', plain)), undefined, 'a new value is not sealed with the old key')
})

t.test('no two values have the same IV', async (t) => {
  const seen = new Set<string>()
  for (let n = 0; n < 2000; n++)
    seen.add(
      Buffer.from(ring.seal('id', 'p', plain))
        .subarray(5, 17)
        .toString('hex'),
    )
  t.equal(seen.size, 2000)
})

t.test('index words cannot be shifted from one field to the next', async (t) => {
  t.not(ring.index('sub', 'https://idp', 'ada'), ring.index('sub', 'https://idpa', 'da'))
  t.equal(ring.index('sub', 'https://idp', 'ada'), ring.index('sub', 'https://idp', 'ada'))
})
