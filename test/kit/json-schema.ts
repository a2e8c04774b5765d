// As much of JSON Schema draft 7 as `bascule schema` prints; an unknown keyword is an error, so that none is silently not tried.
type Json = Readonly<Record<string, unknown>>

const notes = ['$schema', 'title', 'description', 'default']

/** What is wrong, each with its path; empty: the value fits. */
export function faultsOf(schema: unknown, value: unknown, path = ''): string[] {
  if (schema === true || schema === undefined) return []
  if (schema === false) return [`${path} must not be there`]
  const faults: string[] = []
  for (const [keyword, given] of Object.entries(schema as Json)) {
    if (notes.includes(keyword)) continue
    const check = checks[keyword]
    if (!check) throw new Error(`the test knows no ${keyword}`)
    faults.push(...check(given as never, value, path, schema as Json))
  }
  return faults
}

type Check = (given: never, value: unknown, path: string, schema: Json) => string[]

const checks: Readonly<Record<string, Check>> = {
  type: (given: string | string[], value, path) =>
    told(
      [given].flat().some((type) => isOf(type, value)),
      path,
      `type ${given}`,
    ),
  const: (given: unknown, value, path) => told(same(given, value), path, `const ${given}`),
  enum: (given: unknown[], value, path) =>
    told(
      given.some((one) => same(one, value)),
      path,
      `enum ${given}`,
    ),
  not: (given: Json, value, path) => told(faultsOf(given, value).length > 0, path, 'not'),
  anyOf: (given: Json[], value, path) => {
    const all = given.map((one) => faultsOf(one, value, path))
    return all.some((faults) => faults.length === 0) ? [] : all.reduce((a, b) => (a.length <= b.length ? a : b))
  },
  pattern: (given: string, value, path) =>
    told(typeof value !== 'string' || new RegExp(given).test(value), path, given),
  minLength: (given: number, value, path) =>
    told(typeof value !== 'string' || value.length >= given, path, 'minLength'),
  maxLength: (given: number, value, path) =>
    told(typeof value !== 'string' || value.length <= given, path, 'maxLength'),
  minimum: (given: number, value, path) => told(typeof value !== 'number' || value >= given, path, 'minimum'),
  exclusiveMinimum: (given: number, value, path) => told(typeof value !== 'number' || value > given, path, 'minimum'),
  maximum: (given: number, value, path) => told(typeof value !== 'number' || value <= given, path, 'maximum'),
  minItems: (given: number, value, path) => told(!Array.isArray(value) || value.length >= given, path, 'minItems'),
  maxItems: (given: number, value, path) => told(!Array.isArray(value) || value.length <= given, path, 'maxItems'),
  items: (given: Json, value, path) =>
    Array.isArray(value) ? value.flatMap((one, i) => faultsOf(given, one, `${path}[${i}]`)) : [],
  required: (given: string[], value, path) =>
    isMap(value) ? given.filter((key) => !Object.hasOwn(value, key)).map((key) => `${path}.${key} is required`) : [],
  properties: (given: Json, value, path) =>
    isMap(value)
      ? Object.entries(value).flatMap(([key, one]) =>
          Object.hasOwn(given, key) ? faultsOf(given[key], one, `${path}.${key}`) : [],
        )
      : [],
  propertyNames: (given: Json, value, path) =>
    isMap(value) ? Object.keys(value).flatMap((key) => faultsOf(given, key, `${path}.${key}`)) : [],
  additionalProperties: (given: unknown, value, path, { properties = {} }) =>
    isMap(value)
      ? Object.entries(value).flatMap(([key, one]) =>
          Object.hasOwn(properties as Json, key) ? [] : faultsOf(given, one, `${path}.${key}`),
        )
      : [],
}

function told(fits: boolean, path: string, what: string): string[] {
  return fits ? [] : [`${path} does not fit ${what}`]
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'object') return isMap(value)
  if (type === 'array') return Array.isArray(value)
  if (type === 'null') return value === null
  return type === 'integer' ? Number.isInteger(value) : typeof value === type
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
