import type { StandardSchemaV1 } from '../standard-schema.ts'

/** What the schema makes of the value; throws with all that it finds wrong. `what`: how the test's author knows the value. */
export function validated<T>(schema: StandardSchemaV1<unknown, T>, value: unknown, what: string): T {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise)
    throw new TypeError(`the schema of ${what} is asynchronous; config is checked without waiting`)
  if (result.issues === undefined) return result.value
  const faults = result.issues.map(({ path = [], message }) => {
    const at = path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
    return at === '' ? message : `${at}: ${message}`
  })
  throw new TypeError(`${what}: ${faults.join('; ')}`)
}
