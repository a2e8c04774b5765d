import t from 'tap'
import { inRange } from '../../../core/plugin-loading/version-range.ts'

const holds: readonly (readonly [range: string, inside: readonly string[], outside: readonly string[]])[] = [
  ['', ['0.0.1', '9.9.9'], []],
  ['*', ['0.0.1', '9.9.9'], []],
  ['1.2.3', ['1.2.3'], ['1.2.4', '1.2.2']],
  ['=1.2', ['1.2.0', '1.2.9'], ['1.3.0']],
  ['1.x', ['1.0.0', '1.9.9'], ['2.0.0', '0.9.9']],
  ['^1.2.3', ['1.2.3', '1.9.0'], ['1.2.2', '2.0.0']],
  ['^0.1.2', ['0.1.2', '0.1.9'], ['0.2.0', '0.1.1']],
  ['^0.0.3', ['0.0.3'], ['0.0.4']],
  ['^0.0', ['0.0.0', '0.0.9'], ['0.1.0']],
  ['^0', ['0.9.9'], ['1.0.0']],
  ['^1', ['1.0.0', '1.9.9'], ['2.0.0']],
  ['~1.2.3', ['1.2.3', '1.2.9'], ['1.3.0']],
  ['~1', ['1.9.9'], ['2.0.0']],
  ['>=0.1.0', ['0.1.0', '5.0.0'], ['0.0.9']],
  ['>= 0.1 <0.3', ['0.1.0', '0.2.9'], ['0.3.0', '0.0.9']],
  ['>0.1', ['0.2.0'], ['0.1.9']],
  ['<=0.1', ['0.1.9'], ['0.2.0']],
  ['0.1 - 0.3', ['0.1.0', '0.3.9'], ['0.4.0']],
  ['^0.1.0 || ^1.0.0', ['0.1.5', '1.5.0'], ['0.2.0', '2.0.0']],
  ['^0.2.0', ['0.2.0-beta.1'], ['0.1.9']],
]

t.test('a range holds what npm says it holds', async (t) => {
  for (const [range, inside, outside] of holds) {
    for (const version of inside) t.equal(inRange(version, range), true, `${version} is in "${range}"`)
    for (const version of outside) t.equal(inRange(version, range), false, `${version} is not in "${range}"`)
  }
})

t.test('what is no range is said to be none', async (t) => {
  for (const text of ['latest', 'file:../x', 'workspace:*', '^^1', '1.2.3.4', 'git+https://x']) {
    t.equal(inRange('1.0.0', text), undefined, text)
  }
})
