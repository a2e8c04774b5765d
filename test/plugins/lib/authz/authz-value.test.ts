import t from 'tap'
import { plainText } from '../../../../plugins/lib/authz/authz-value.ts'

t.test('a piece of the path as every backend reads it', async (t) => {
  const cases: readonly [string, string | undefined][] = [
    ['t1', 't1'],
    ['', ''],
    ['a/b', 'a/b'],
    ['%74%31', 't1'],
    ['J%C3%BCrgen', 'Jürgen'],
    ['100%25', '100%'],
    ['a%20b', 'a b'],
    ['t1;v=2', undefined],
    ['t1%3Bv=2', undefined],
    ['%2574', undefined],
    ['a//b', undefined],
    ['/a', undefined],
    ['a%2Fb', undefined],
    ['a%5cb', undefined],
    ['a%00', undefined],
    ['a%C2%85', undefined],
    ['%C3%28', undefined],
    ['%', undefined],
  ]
  for (const [raw, plain] of cases) t.equal(plainText(raw), plain, raw || 'nothing')
})
