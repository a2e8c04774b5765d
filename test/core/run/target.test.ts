import t from 'tap'
import { targetProblem } from '../../../core/run/target.ts'

const refused = [
  '',
  'x',
  '*',
  'http://evil.test/',
  '//evil.test/x',
  '/a/../b',
  '/a/..',
  '/..',
  '/.',
  '/./a',
  '/a/%2e%2e/b',
  '/a/%2E./b',
  '/a/.%2e',
  '/a/..%2fb',
  '/a%2f..%2fb',
  '/a/..;/b',
  '/a/..;x=1/b',
  '/a/%2e%2e;/b',
  '/a/..%3bx=1/b',
  '/a\\b',
  '/a%5cb',
  '/a%5C..',
  '/a#b',
  '/a?b#c',
  '/a%00b',
  '/a%0d%0ab',
  '/a%7fb',
  '/a%zz',
  '/a%2',
  '/a%',
  '/a b',
  '/a\tb',
  '/a?x\u0000',
  '/a?x\u007f',
  '/\u00e9',
  '/a?x y',
]
const served = [
  '/',
  '/a',
  '/a/',
  '/a//b',
  '/a/...',
  '/a/..b',
  '/a/.b',
  '/a/b.',
  '/a%2Fb',
  '/a%23b',
  '/%61',
  '/a?..',
  '/a?/../',
  '/a?q=%zz',
  '/a?x=\\',
  '/a;v=1/b',
  '/a?\u00e9',
  '/a/%252e%252e/b',
  "/~u/(x)!$&'*+,=:@",
]

t.test('targets that could mean another path upstream are refused', async (t) => {
  for (const target of refused) t.ok(targetProblem(target), JSON.stringify(target))
})

t.test('everything else passes', async (t) => {
  for (const target of served) t.equal(targetProblem(target), undefined, JSON.stringify(target))
})

t.test('a very long target is judged in linear time', async (t) => {
  const before = performance.now()
  targetProblem(`/${'.'.repeat(1e6)}/`)
  targetProblem(`/${'%2e'.repeat(3e5)}x`)
  t.ok(performance.now() - before < 5_000)
})
