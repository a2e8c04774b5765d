import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readDocument } from '../../../core/config/document.ts'
import { formatProblem, Report } from '../../../core/config/report.ts'

function read(text: string, env: Record<string, string> = {}, dir?: string) {
  const report = new Report()
  const document = readDocument('settings.yaml', { report, env, text, ...(dir === undefined ? {} : { dir }) })
  return { document, problems: report.problems.map(formatProblem), value: document?.value }
}

/** Compared as JSON: maps have no prototype. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))

t.test('YAML 1.2 core: no is a word, on is a word, 0o17 is a number', async (t) => {
  const { value, problems } = read('a: no\nb: on\nc: 0o17\nd: 1e3\ne: ~\nf: "1"\n200: x\n')
  t.same(problems, [])
  t.same(plain(value), { a: 'no', b: 'on', c: 15, d: 1000, e: null, f: '1', 200: 'x' })
})

t.test('a %YAML 1.1 line does not bring merge keys and yes back', async (t) => {
  const { problems } = read('%YAML 1.1\n---\na: &a { x: yes }\nb:\n  <<: *a\n')
  t.same(problems, ['settings.yaml:5:3 error merge keys (<<) are not supported; write the keys out'])
  t.same(plain(read('%YAML 1.1\n---\nx: yes\n').value), { x: 'yes' })
})

t.test('an empty file is an empty map', async (t) => {
  t.same(plain(read('# nothing yet\n').value), {})
})

t.test('a file that is a list is refused', async (t) => {
  t.same(read('- a\n').problems, ['settings.yaml:1:1 error this file must hold "key: value" lines'])
})

t.test('keys that name parts of Object are keys like any other, and __proto__ is refused', async (t) => {
  const { value, problems } = read('constructor: 1\ntoString: 2\n__proto__: { polluted: true }\n')
  t.same(problems, ['settings.yaml:3:1 error the key __proto__ is not allowed'])
  t.equal(Object.getPrototypeOf(value), null)
  t.same(Object.keys(value ?? {}), ['constructor', 'toString'])
  t.equal(({} as Record<string, unknown>).polluted, undefined)
})

t.test('a key that stands twice is an error at the second', async (t) => {
  t.same(read('a: 1\nb:\n  c: 1\n  c: 2\n').problems, [
    'settings.yaml:4:3 error the key "c" stands here twice; remove one',
  ])
})

t.test('syntax errors are plain sentences with a place, and quote nothing of the file', async (t) => {
  for (const [text, expected] of [
    ['a: "hunter2\n', '1:12 error not valid YAML: the closing " is missing'],
    ['a:\n\tb: hunter2\n', '2:1 error not valid YAML: a tab cannot indent; use spaces'],
    [
      'a: hunter2: x\n',
      '1:4 error not valid YAML: a "key: value" stands inside a value; put the value in quotes, or begin a new line',
    ],
    [
      'a: [hunter2, b\nc: d\n',
      '2:1 error not valid YAML: the indentation does not fit the lines before it, or a bracket is not closed',
    ],
    ['a: !secret hunter2\n', '1:4 error not valid YAML: tags (!name) are not supported; write a plain value'],
    ['a: !!set { hunter2 }\n', '1:4 error not valid YAML: tags (!name) are not supported; write a plain value'],
    [
      'a: 1\n---\nb: hunter2\n',
      '2:1 error not valid YAML: a second document begins here (---); a config file holds one',
    ],
    ['a: @hunter2\n', '1:4 error not valid YAML: a value cannot begin with this character; put the value in quotes'],
    ['{ [hunter2]: 1 }\n', '1:3 error not valid YAML: a key must be a plain word'],
  ] as const) {
    const { problems } = read(text)
    t.equal(problems[0], `settings.yaml:${expected}`, JSON.stringify(text))
    t.notMatch(problems.join(), /hunter2/)
  }
})

t.test('an alias bomb is refused, said once, and costs nothing', async (t) => {
  const names = 'abcdefghi'
  const rows = [...names].map((name, i) => {
    const before = names[i - 1]
    return `${name}: &${name} [${before ? Array(9).fill(`*${before}`).join(', ') : 'x'}]`
  })
  const { problems } = read(rows.join('\n'))
  t.equal(problems.length, 1)
  t.match(problems[0], /^settings.yaml:\d+:\d+ error more than 100 aliases/)
})

t.test('an alias inside what it names, and one without an anchor', async (t) => {
  t.match(read('a: &a [*a]\n').problems, ['settings.yaml:1:8 error this alias stands inside what it names'])
  t.match(read('a: *b\n').problems, ['settings.yaml:1:4 error no anchor &b stands before this alias'])
  t.same(plain(read('a: &a [1, 2]\nb: *a\n').value), { a: [1, 2], b: [1, 2] })
})

t.test('ten thousand brackets are refused, not a stack overflow', async (t) => {
  t.match(read(`a: ${'['.repeat(10_000)}`).problems[0], /error/)
  const deep = read(`a: ${'['.repeat(200)}${']'.repeat(200)}\n`)
  t.match(deep.problems[0], /nested too deeply/)
})

t.test('variables: plain scalars become what they spell, quoted ones stay text', async (t) => {
  const env = { PORT: '9000', ON: 'true', NAME: 'ada' }
  const { value, problems } = read(
    'port: ${PORT}\nquoted: "${PORT}"\nother: ${NONE:-8080}\nflag: ${ON}\nmixed: "hi ${NAME}, ${NONE:-}"\nliteral: "$${NAME}"\nlist: ["${NAME}"]\n',
    env,
  )
  t.same(problems, [])
  t.same(plain(value), {
    port: 9000,
    quoted: '9000',
    other: 8080,
    flag: true,
    mixed: 'hi ada, ',
    literal: '${NAME}',
    list: ['ada'],
  })
})

t.test('what a variable holds is not looked at again', async (t) => {
  const { value } = read('a: "${A}"\nb: ${B}\n', { A: '${HOME}', B: 'file:/etc/passwd' })
  t.same(plain(value), { a: '${HOME}', b: 'file:/etc/passwd' })
})

t.test('a missing variable is an error that names it and the cure', async (t) => {
  const { problems, document } = read('a:\n  b: "x ${SECRET} y"\n')
  t.same(problems, [
    'settings.yaml:2:6 error the environment variable SECRET is not set; set it, or give a default: ${SECRET:-…}',
  ])
  t.ok(document?.broken(['a', 'b']))
  t.ok(document?.broken(['a', 'b', 'c']))
  t.notOk(document?.broken(['a']))
})

t.test('an empty variable takes the default, and is fine without one', async (t) => {
  t.same(plain(read('a: "${E:-x}"\nb: "${E}"\n', { E: '' }).value), { a: 'x', b: '' })
})

t.test('other ${ forms are refused', async (t) => {
  for (const text of ['a: "${A-b}"', 'a: "${A.B}"', 'a: "${A"', 'a: "${A:-${B}}"', 'a: "${}"']) {
    t.match(read(text).problems[0], /1:4 error \$\{…\} is not understood; write \$\{NAME\}/, text)
  }
})

t.test('a bare ${ inside brackets gets the cure', async (t) => {
  t.match(read('a: [${A}]\n').problems[0], /put \$\{…\} in quotes/)
})

t.test('file: reads a secret, relative to the config directory, without its last newline', async (t) => {
  const dir = t.testdir({ s: { key: 'abc\ndef\n' }, 'windows.txt': 'abc\r\n', empty: '\n' })
  const env = { DIR: 's' }
  t.same(plain(read('a: file:s/key\nb: "file:${DIR}/key"\nc: file:windows.txt\n', env, dir).value), {
    a: 'abc\ndef',
    b: 'abc\ndef',
    c: 'abc',
  })
  t.match(read('a: file:empty\n', {}, dir).problems, ['settings.yaml:1:4 error the file empty is empty'])
})

t.test('a secret file that cannot be read is an error with its place and path', async (t) => {
  const dir = t.testdir({ d: {}, 'bad.bin': Buffer.from([0xff, 0xfe, 0x00]) })
  writeFileSync(join(dir, 'big'), 'x'.repeat(1024 * 1024 + 1))
  mkdirSync(join(dir, 'e'))
  const { problems } = read('a: file:none\nb: file:d\nc: file:big\ne: file:bad.bin\nf: "file:"\n', {}, dir)
  t.match(problems, [
    /^settings.yaml:1:4 error the file none .* does not exist/,
    /^settings.yaml:2:4 error the file d .* is not a regular file/,
    /^settings.yaml:3:4 error the file big .* is larger than 1 MiB/,
    /^settings.yaml:4:4 error the file bad.bin .* is not UTF-8/,
    /^settings.yaml:5:4 error file: needs a path/,
  ])
})

t.test('no message shows what came from a file or a variable, whoever quotes it', async (t) => {
  const dir = t.testdir({ key: 'hunter2\n' })
  const report = new Report()
  readDocument('s.yaml', { report, env: { A: 'swordfish' }, dir, text: 'a: file:key\nb: "x ${A}"\n' })
  report.error({ file: 's.yaml', line: 1, column: 1 }, 'bad values: hunter2, x swordfish')
  t.same(report.problems.map(formatProblem), ['s.yaml:1:1 error bad values: [hidden], x [hidden]'])
})

t.test('places: of keys, of values, and of the nearest thing there is', async (t) => {
  const { document } = read('a:\n  b: 1\n  list:\n    - id: x\n    - id: y\ne:\n')
  const at = (...args: Parameters<NonNullable<typeof document>['place']>) => {
    const place = document?.place(...args)
    return `${place?.line}:${place?.column}`
  }
  t.equal(at(['a', 'b']), '2:6')
  t.equal(at(['a', 'b'], 'key'), '2:3')
  t.equal(at(['a', 'list', 1]), '5:7')
  t.equal(at(['a', 'list', 1, 'id']), '5:11')
  t.equal(at(['a', 'missing']), '1:1')
  t.equal(at(['a', 'list', 1, 'missing']), '5:7')
  t.equal(at(['a', 'list', 9]), '3:3')
  t.equal(at(['e']), '6:1')
  t.equal(at(['nothing', 'here']), '1:1')
})

t.test('a config file larger than 8 MiB, and one that is not there', async (t) => {
  const dir = t.testdir({ 'big.yaml': `a: ${'x'.repeat(8 * 1024 * 1024)}` })
  const report = new Report()
  t.equal(readDocument(join(dir, 'big.yaml'), { report, env: {} }), undefined)
  t.equal(readDocument(join(dir, 'none.yaml'), { report, env: {} }), undefined)
  t.match(report.problems, [{ message: 'this file is larger than 8 MiB' }, { message: 'this file does not exist' }])
})
