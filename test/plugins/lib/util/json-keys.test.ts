import fc from 'fast-check'
import t from 'tap'
import { repeatedKey } from '../../../../plugins/lib/util/json-keys.ts'

t.test('a key that stands twice in one object is found, wherever and however it is written', async (t) => {
  const twice = [
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"a" \n\t: 1, "b": {}, "a":2}',
    '[{"x":[{"a":1,"a":1}]}]',
    '{"":1,"":2}',
    '{"a":{"b":1},"c":[],"a":1}',
    '{"\\"":1,"\\u0022":2}',
  ]
  for (const text of twice) t.ok(repeatedKey(text), text)
  const once = [
    '{"a":{"a":{"a":1}},"b":{"a":1}}',
    '["a","a"]',
    '{"a":"a","b":"a:","c":"\\"a\\":"}',
    '"a"',
    '{"a":"{\\"b\\":1","b":"b"}',
    '{"__proto__":1,"constructor":2}',
  ]
  for (const text of once) t.notOk(repeatedKey(text), text)
})

t.test('what JSON.stringify writes has no key twice', async () => {
  fc.assert(fc.property(fc.json(), (text) => !repeatedKey(JSON.stringify(JSON.parse(text)))))
})

t.test('a large text is no trouble', async (t) => {
  const escapes = `{"a":"${'\\\\'.repeat(500_000)}"}`
  const blanks = `{"a"${' '.repeat(1_000_000)}:1,"a":2}`
  t.same([repeatedKey(escapes), repeatedKey(blanks), repeatedKey('['.repeat(500_000))], [false, true, false])
})
