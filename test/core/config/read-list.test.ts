// Entry by entry, a file must mean what the whole parse makes of it: the same values, the same places, the same faults.
import process from 'node:process'
import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { type ConfigDocument, readDocument, readListDocument } from '../../../core/config/document.ts'
import { readList } from '../../../core/config/read-list.ts'
import { Report } from '../../../core/config/report.ts'

const env = { SET: 'put in', WORD: 'true' }

interface Read {
  readonly document: ConfigDocument | undefined
  readonly problems: Report['problems']
}

async function both(text: string): Promise<readonly [Read, Read]> {
  const whole = new Report()
  const sliced = new Report()
  const one = readDocument('routes.yaml', { report: whole, env, text })
  const other = await readListDocument('routes.yaml', 'routes', { report: sliced, env, text })
  return [
    { document: one, problems: whole.problems },
    { document: other, problems: sliced.problems },
  ]
}

/** Of everything in the file, and of what is not there. */
function placesOf(document: ConfigDocument | undefined): unknown[] {
  if (!document) return []
  const places: unknown[] = []
  const add = (path: readonly PropertyKey[]) =>
    places.push([path, document.place(path), document.place(path, 'key'), document.broken(path)])
  const walk = (value: unknown, path: readonly PropertyKey[]) => {
    add(path)
    add([...path, 'absent'])
    add([...path, 7])
    if (typeof value !== 'object' || value === null) return
    for (const [key, inner] of Object.entries(value)) walk(inner, [...path, Array.isArray(value) ? Number(key) : key])
  }
  walk(document.value, [])
  return places
}

/** Undefined: no difference. */
async function difference(text: string): Promise<unknown> {
  const [whole, sliced] = await both(text)
  const parts = (read: Read) => [read.problems, read.document?.value, placesOf(read.document)]
  return isDeepStrictEqual(parts(sliced), parts(whole))
    ? undefined
    : { text, whole: parts(whole), sliced: parts(sliced) }
}

async function isRead(text: string): Promise<boolean> {
  return (await readList('routes.yaml', text, 'routes', { report: new Report(), env, dir: '.' })) !== undefined
}

const head = 'services:\n  a: { base_url: http://a }\nroutes:\n'

t.test('entries are read one by one, whatever their lines hold, and mean what the whole parse says', async (t) => {
  const texts = [
    `${head}  - id: one\n    path: /api/{id}/*\n    methods: [GET, POST]\n  - id: two\n    port: 0x1F\n    on: true\n`,
    `${head}- id: one\n  path: /a:b/c%20d\n\n# between\n- id: 'two'\n  at: { x: [1, 2] }\n- id: three\nafter: ["}"]\n`,
    `${head}  - id: one\n    text: |\n      - id: no entry\n      # no comment\n\n    more: >-\n     folded\n     on\n  -\n    id: two\n  -   id: three\n      key: v\n`,
    `${head}  - id: \${SET}\n    port: \${WORD}\n    key: \${MISSING}\n  - "a: b": c\n    d: "- x\n      - y"\n  - plain\n  - \n  - [a, b]\n`,
    `${head}  - id: a\n    id: b\n    <<: c\n    __proto__: d\n  - null: ~\n    yes: .inf\n    a: 1e3\n    b: 0o17\n    c: -1\n    d: .5\n    e: +.nan\n`,
    `routes: # here\r\n  - id: one\r\n    text: two words\r\n  # last\r\n`,
    `${head}  - id: only`,
  ]
  for (const text of texts) {
    t.equal(await isRead(text), true, text)
    t.equal(await difference(text), undefined)
  }
})

t.test('what does not stand by itself is left to the whole parse, and told in its words', async (t) => {
  const texts = [
    `a: "\n${head}  - id: x\n"\n`,
    `${head}  - id: &a one\n  - id: *a\n`,
    `${head}  - id: "open\n  - id: two"\n`,
    `${head}  - id: [a,\n  - b]\n`,
    `${head}  - id: one\n - id: two\n`,
    `${head}  - id: one\n  other: two\n`,
    `${head}  - id: one\n\t- id: two\n`,
    `--- |\n${head}  - id: one\n`,
    `|\n${head}  - id: one\n`,
    `${head}  - id: one\n---\nroutes:\n  - id: two\n`,
    `${head}  - id: one\n${head}  - id: two\n`,
    `{\n${head}  - id: one\n}\n`,
    `${head}  - id: !tag one\n`,
    `${head}  - id: one\n# comment\n: b\n`,
    `routes: [{ id: one }]\n`,
    `routes:\n`,
    `routes:\n  a: b\n`,
  ]
  for (const text of texts) {
    t.equal(await isRead(text), false, text)
    t.equal(await difference(text), undefined)
  }
})

const lines = [
  ...[
    '- id: one',
    '- path: /a/*',
    'key: value',
    'text: two words',
    'list: [a, b]',
    'n: 0x1f',
    'x: .inf',
    'e:',
    '-',
    '- - a',
    '',
  ],
  ...[
    '- "quoted"',
    'q: "open',
    'close"',
    "s: 'it''s'",
    'b: |',
    'f: >-',
    '- |',
    '# comment',
    'v: x # y',
    'm: { a: b',
    '}',
    ']',
    '[',
  ],
  ...[
    '? a',
    ': b',
    '&a x',
    '*a',
    'k: &a b',
    'k: *a',
    '- *a',
    '<<: x',
    '__proto__: x',
    '!t x',
    '---',
    '...',
    '%YAML 1.1',
    '\t- a',
  ],
  ...[
    'env: ${SET}',
    'gone: ${GONE}',
    'secret: file:none',
    'routes:',
    'services:',
    'a: b: c',
    'a:b',
    '- a: 1',
    'null: ~',
    'x: a,b',
    'x: -1',
  ],
]
const line = fc
  .tuple(
    fc.constantFrom(0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 6),
    fc.constantFrom(...lines),
    fc.constantFrom('\n', '\n', '\n', '\r\n'),
  )
  .map(([indent, text, end]) => ' '.repeat(indent) + text + end)
const entry = fc
  .tuple(fc.constantFrom('  - id: e\n', '  - '), fc.array(line, { maxLength: 4 }))
  .map(([first, rest]) => first + rest.join(''))
const file = fc
  .tuple(fc.array(line, { maxLength: 2 }), fc.array(entry, { maxLength: 4 }), fc.array(line, { maxLength: 2 }))
  .map(([before, entries, after]) => `${before.join('')}routes:\n${entries.join('')}${after.join('')}`)

t.test('any mixture of lines', async () => {
  await fc.assert(
    fc.asyncProperty(file, async (text) => {
      const found = await difference(text)
      if (found !== undefined) throw new Error(inspect(found, { depth: 9 }))
    }),
    { numRuns: Number(process.env.RUNS ?? 1_000) },
  )
})

const plainValue = fc.stringMatching(/^[A-Za-z0-9_./~+:{}*@%=?, -]{1,12}$/)
const number = fc.stringMatching(/^[-+]?(0[xo])?[0-9.eE+]{1,6}$/)

t.test('any plain value', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(plainValue, number, fc.constantFrom('null', 'True', '.NaN', '-.inf', '~')),
      async (value) => {
        const found = await difference(`routes:\n  - id: ${value}\n    list: [${value}]\n    last: ${value}`)
        if (found !== undefined) throw new Error(inspect(found, { depth: 9 }))
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 1_000) },
  )
})
