import t from 'tap'
import { z } from 'zod'
import { readDocument } from '../../../core/config/document.ts'
import { formatProblem, Report } from '../../../core/config/report.ts'
import { validate } from '../../../core/config/validate.ts'
import type { StandardSchemaV1 } from '../../../core/standard-schema.ts'

/** Validates the map under `auth:` of a file with this text. */
function check(schema: StandardSchemaV1, text: string, env: Record<string, string> = {}) {
  const report = new Report()
  const document = readDocument('s.yaml', { report, env, text })
  if (document === undefined) throw new Error('the text is no YAML')
  const value = validate(schema, document.value.auth, { document, path: ['auth'], report })
  return { value, problems: report.problems.map(formatProblem) }
}

t.test('what is right comes out as the schema makes it', async (t) => {
  const { value, problems } = check(z.strictObject({ n: z.number().default(3) }), 'auth: {}\n')
  t.same(value, { n: 3 })
  t.same(problems, [])
})

t.test('an unknown key is reported where the key stands, and the key that was meant is not also missing', async (t) => {
  const schema = z.strictObject({ issuer: z.string(), client_id: z.string() })
  t.same(check(schema, 'auth:\n  isuer: x\n  zebra: y\n').problems, [
    's.yaml:1:1 error auth.client_id is required',
    's.yaml:2:3 error unknown key "isuer" in auth (did you mean "issuer"?)',
    's.yaml:3:3 error unknown key "zebra" in auth',
  ])
})

t.test('types are said in words', async (t) => {
  const schema = z.strictObject({
    a: z.string(),
    b: z.number(),
    c: z.boolean(),
    d: z.array(z.string()),
    e: z.strictObject({}),
    f: z.string(),
    g: z.array(z.string()).min(1),
    h: z.int().max(5),
    i: z.string().min(2),
    j: z.literal(1),
    k: z.url(),
    l: z.string().regex(/x/),
    m: z.number().multipleOf(5),
  })
  const text =
    'auth:\n  a: 1\n  b: x\n  c: yes\n  d: x\n  e: []\n  f:\n  g: []\n  h: 6\n  i: a\n  j: 2\n  k: x\n  l: y\n  m: 3\n'
  t.same(
    check(schema, text).problems.map((line) => line.replace(/^s.yaml:\d+:\d+ error auth\./, '')),
    [
      'a must be text: put it in quotes',
      'b must be a number',
      'c must be true or false',
      'd must be a list, such as [a, b]',
      'e must be a map of "key: value"',
      'f is empty, but must be text',
      'g must not be empty',
      'h must be at most 5',
      'i must have at least 2 characters',
      'j must be 1',
      'k must be a URL',
      'l is not of the expected form',
      'm must be a multiple of 5',
    ],
  )
})

t.test('of a union, the alternative that fits says what is wrong', async (t) => {
  const ref = z.union([
    z.string(),
    z.strictObject({ use: z.string(), with: z.record(z.string(), z.unknown()).optional() }),
  ])
  const schema = z.strictObject({ store: ref })
  t.same(check(schema, 'auth:\n  store: { use: 1, wiht: {} }\n').problems, [
    's.yaml:2:17 error auth.store.use must be text: put it in quotes',
    's.yaml:2:20 error unknown key "wiht" in auth.store (did you mean "with"?)',
  ])
  t.same(check(schema, 'auth:\n  store: 3\n').problems, [
    's.yaml:2:10 error auth.store must be text or a map of "key: value"',
  ])
  t.same(check(schema, 'auth: {}\n').problems, ['s.yaml:1:1 error auth.store is required'])
})

t.test('a discriminated union names its words', async (t) => {
  const schema = z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })])
  t.same(check(schema, 'auth: { kind: c }\n').problems, ['s.yaml:1:15 error auth.kind must be one of a, b'])
})

t.test('an enum gives the likely word; a wrong key of a record is reported at the key', async (t) => {
  const schema = z.strictObject({
    mint: z.enum(['login', 'resource']),
    map: z.record(z.string().regex(/^a/), z.number()),
  })
  t.same(check(schema, 'auth:\n  mint: resorce\n  map: { a: x, b: 1 }\n').problems, [
    's.yaml:2:9 error auth.mint must be one of login, resource (did you mean "resource"?)',
    's.yaml:3:13 error auth.map.a must be a number',
    's.yaml:3:16 error auth.map.b is not of the expected form',
  ])
})

t.test("the author's own sentences stay as they are, with the name before a predicate", async (t) => {
  const schema = z.strictObject({
    a: z.string({ error: 'is required, e.g. a: b' }),
    b: z.string().refine(() => false, 'must be lucky'),
    c: z.string().refine(() => false, 'This is a sentence.'),
  })
  t.same(check(schema, 'auth: { b: x, c: y }\n').problems, [
    's.yaml:1:1 error auth.a is required, e.g. a: b',
    's.yaml:1:12 error auth.b must be lucky',
    's.yaml:1:18 error This is a sentence.',
  ])
})

t.test('a secret is never quoted, not even by a schema that does', async (t) => {
  const schema = z.strictObject({
    secret: z
      .string()
      .superRefine((value, context) => context.addIssue({ code: 'custom', message: `"${value}" is weak` })),
    kind: z.enum(['a']),
  })
  const { problems } = check(schema, 'auth: { secret: "${S}", kind: "${S}" }\n', { S: 'hunter2' })
  t.equal(problems.length, 2)
  t.notMatch(problems.join('\n'), /hunter2/)
})

t.test('what could not be read is not reported twice, nor replaced by a default', async (t) => {
  const schema = z.strictObject({ a: z.string().default('x'), b: z.string() })
  const { value, problems } = check(schema, 'auth: { a: "${NONE}", b: "${NONE2}" }\n')
  t.equal(value, undefined)
  t.equal(problems.length, 2)
  t.match(problems.join(), /NONE is not set.*NONE2 is not set/)
})

/** A Standard Schema of no library we know. */
function foreign(validate: StandardSchemaV1['~standard']['validate']): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'acme', validate } }
}

t.test('any Standard Schema will do: its paths are found, keyed steps too', async (t) => {
  const schema = foreign(() => ({ issues: [{ message: 'must rhyme', path: ['list', { key: 1 }] }] }))
  t.same(check(schema, 'auth:\n  list:\n    - a\n    - b\n').problems, ['s.yaml:4:7 error auth.list[1] must rhyme'])
})

t.test('an asynchronous schema is refused, and its late rejection harms nobody', async (t) => {
  const schema = foreign(() => Promise.reject(new Error('late')))
  t.match(check(schema, 'auth: {}\n').problems, [/1:1 error the schema of auth is asynchronous/])
})

t.test('a schema that throws is reported without its words', async (t) => {
  const schema = foreign((value) => {
    throw new TypeError(JSON.stringify(value))
  })
  const { problems } = check(schema, 'auth: { secret: hunter2 }\n')
  t.same(problems, ['s.yaml:1:1 error the schema of auth threw TypeError instead of telling what is wrong'])
})
