import { z } from 'zod'
import type { StandardSchemaV1 } from '../standard-schema.ts'

type JsonSchema = Readonly<Record<string, unknown>>

/** The keys a map at `path` may have, as far as its schema can tell (zod 4); none otherwise. */
export function knownKeys(schema: StandardSchemaV1, path: readonly PropertyKey[]): string[] {
  const root = jsonSchemaOf(schema)
  if (root === undefined) return []
  let here = variants(root, root)
  for (const step of path) here = here.flatMap((one) => stepInto(one, step)).flatMap((one) => variants(one, root))
  return [...new Set(here.flatMap((one) => Object.keys(isRecord(one.properties) ? one.properties : {})))]
}

/** zod 4 only: another copy of it is fine, zod 3 speaks the same Standard Schema but has no such reader. */
export function isZod(schema: StandardSchemaV1): schema is StandardSchemaV1 & z.ZodType {
  return schema['~standard'].vendor === 'zod' && '_zod' in schema
}

function jsonSchemaOf(schema: StandardSchemaV1): JsonSchema | undefined {
  if (!isZod(schema)) return undefined
  try {
    return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  } catch {
    // A suggestion is a courtesy: a schema that cannot be drawn has none.
    return undefined
  }
}

function variants(schema: JsonSchema, root: JsonSchema): JsonSchema[] {
  const target = typeof schema.$ref === 'string' ? definition(root, schema.$ref) : schema
  const parts = [target.anyOf, target.oneOf, target.allOf].flatMap((list) => (Array.isArray(list) ? list : []))
  return [target, ...parts.filter(isRecord).flatMap((part) => variants(part, root))]
}

function definition(root: JsonSchema, ref: string): JsonSchema {
  const name = /^#\/\$defs\/(.+)$/.exec(ref)?.[1]
  const found = name !== undefined && isRecord(root.$defs) ? root.$defs[name] : undefined
  return isRecord(found) ? found : {}
}

function stepInto(schema: JsonSchema, step: PropertyKey): JsonSchema[] {
  const { properties, additionalProperties, items } = schema
  const named = isRecord(properties) && Object.hasOwn(properties, step) ? properties[String(step)] : undefined
  return [named ?? (typeof step === 'number' ? items : additionalProperties)].filter(isRecord)
}

function isRecord(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
