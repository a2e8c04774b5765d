import t from 'tap'
import { Decisions } from '../../../../plugins/lib/authz/authz-decisions.ts'

t.test('it does not grow without bound: the oldest go', async (t) => {
  const kept = new Decisions({ allow: 1_000, deny: 1_000 }, { now: () => 0 })
  for (let i = 0; i < 10_001; i++) kept.keep(`k${i}`, i % 2 === 0)
  t.same([kept.get('k0'), kept.get('k1'), kept.get('k10000')], [undefined, false, true])
})

t.test('a new decision takes the place of the old, in age too', async (t) => {
  const kept = new Decisions({ allow: 1_000, deny: 1_000 }, { now: () => 0 })
  kept.keep('k', true)
  for (let i = 1; i < 10_000; i++) kept.keep(`k${i}`, true)
  kept.keep('k', false)
  kept.keep('last', true)
  t.same([kept.get('k'), kept.get('k1')], [false, undefined])
})

t.test('at 0 nothing is kept', async (t) => {
  const kept = new Decisions({ allow: 0, deny: 1_000 }, { now: () => 0 })
  kept.keep('a', true)
  kept.keep('b', false)
  t.same([kept.get('a'), kept.get('b')], [undefined, false])
})
