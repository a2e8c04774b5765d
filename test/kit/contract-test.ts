import type { Test } from 'tap'
import type { TestFunction } from '../../plugins/testing/index.ts'

/** The suites of the test kit know no framework: here each of their tests is one assertion of tap's. */
export function contractTest(t: Pick<Test, 'test'>): TestFunction {
  return (name, fn) =>
    t.test(name, async (t) => {
      await fn()
      t.pass('it holds')
    })
}
