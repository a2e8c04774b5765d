import t from 'tap'

type Judge = (
  output: string,
  ended?: string,
) => { passed: number; failed: number; skipped: number; why: string | undefined }
// Plain JavaScript without types, like the rest of the runner.
const runner: { judge: Judge } = await import(new URL('./run-file.js', import.meta.url).href)
const schedule: { byLength: <T>(jobs: readonly T[], seconds: Readonly<Record<string, number>>) => T[] } = await import(
  new URL('./schedule.js', import.meta.url).href
)

t.test('a file passes only when it got to its end, ran something and left with 0', async (t) => {
  const good = 'TAP version 14\nok 1 - a\n1..1\n# { total: 2, pass: 2 }\n# time=1ms\n'
  t.match(runner.judge(good), { passed: 2, failed: 0, skipped: 0 })
  t.match(runner.judge(good, 'exit code 1'), { passed: 2, failed: 1, why: 'exit code 1' })
  t.match(runner.judge(good, 'timed out after 120 s'), { failed: 1, why: 'timed out after 120 s' })
  t.match(runner.judge('TAP version 14\n', 'SIGKILL'), { passed: 0, failed: 1, why: 'SIGKILL' })
  t.match(runner.judge('TAP version 14\n1..0 # no tests found\n'), { passed: 0, failed: 1, why: 'ran nothing' })
  t.match(runner.judge(''), { failed: 1, why: 'ran nothing' })
})

t.test('failures and skips are counted as tap counts them', async (t) => {
  const mixed = '# { total: 7, pass: 3, fail: 2, skip: 1, todo: 1 }\n'
  t.match(runner.judge(mixed, 'exit code 1'), { passed: 3, failed: 2, skipped: 2, why: undefined })
  t.match(runner.judge('TAP version 14\n1..0 # SKIP no browser\n'), { passed: 0, failed: 0, skipped: 1 })
})

t.test('a file whose tests passed and that does not end is told as that', async (t) => {
  const left = 'ok 1 - a\n\nnot ok 2 - timeout!\n  ---\n  expired: TAP\n  ...\n1..2\n# { total: 2, pass: 1, fail: 1 }\n'
  t.match(runner.judge(left, 'SIGALRM'), { passed: 1, failed: 1, why: /every test ended, but the program did not/ })
  const hung = 'not ok 1 - a\n    not ok 1 - timeout!\n# { total: 1, fail: 1 }\n'
  t.equal(runner.judge(hung, 'SIGALRM').why, undefined)
})

t.test('what took longest begins first, and what nobody measured keeps its order at the end', async (t) => {
  const jobs = [
    ['node', 'a'],
    ['deno', 'a'],
    ['node', 'b'],
    ['deno', 'b'],
  ].map(([runtime, file]) => ({ runtime, file }))
  const order = schedule.byLength(jobs, { 'node b': 9, 'deno a': 20 }).map(({ runtime, file }) => `${runtime} ${file}`)
  t.same(order, ['deno a', 'node b', 'node a', 'deno b'])
})
