import t from 'tap'
import { FairShares } from '../../../../plugins/lib/session/fair-shares.ts'

t.test('who has the most loses its oldest first; of equal ones who has had so many for longest', async (t) => {
  const shares = new FairShares()
  t.equal(shares.first, undefined)
  for (const key of ['a1', 'a2', 'b1', 'a3', 'c1', 'b2']) shares.add(key, key[0]!)
  const gone: (string | undefined)[] = []
  for (let key = shares.first; key !== undefined; key = shares.first) {
    gone.push(key)
    shares.delete(key)
  }
  t.strictSame(gone, ['a1', 'b1', 'a2', 'c1', 'b2', 'a3'])
  t.equal(shares.size, 0)
})

t.test('a key that is added again becomes its owner’s newest, and stays its owner’s', async (t) => {
  const shares = new FairShares()
  for (const [key, owner] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['a1', 'b'],
  ] as const)
    shares.add(key, owner)
  t.equal(shares.size, 2)
  t.equal(shares.first, 'a2')
})

t.test('it agrees with a plain count, whatever comes and goes', async (t) => {
  const shares = new FairShares()
  const plain = new Map<string, string>()
  let seed = 7
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  for (let n = 0; n < 3_000; n++) {
    const key = `k${next(200)}`
    if (next(3) === 0) {
      shares.delete(key)
      plain.delete(key)
    } else {
      const owner = plain.get(key) ?? `o${next(9)}`
      shares.add(key, owner)
      plain.set(key, owner)
    }
    const counts = new Map<string, number>()
    for (const owner of plain.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1)
    const most = Math.max(0, ...counts.values())
    const owner = plain.get(shares.first ?? '')
    if (shares.size !== plain.size || (owner === undefined ? 0 : counts.get(owner)) !== most) t.fail(`step ${n}`)
  }
  t.pass()
})
