import { z } from 'zod'
import { isZod } from '../config/schema-keys.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'

/** JSON Schema draft 7: what editors' YAML servers read. */
export type JsonSchema = Readonly<Record<string, unknown>>

const target = 'draft-7' as const

/** Of what may be written, before defaults and transforms. `{}`, which lets all through, for a validator that cannot say. */
export function jsonSchemaOf(schema: StandardSchemaV1): JsonSchema {
  try {
    const drawn = isZod(schema)
      ? z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target })
      : offered(schema)
    const { $schema: _, ...rest } = drawn as JsonSchema
    // A schema that refers to itself by its own root cannot stand inside another file's.
    return JSON.stringify(rest).includes('"$ref":"#') ? {} : lenient(rest)
  } catch {
    return {}
  }
}

/** Standard JSON Schema (standardschema.dev), for those that speak it. */
function offered(schema: StandardSchemaV1): unknown {
  const { jsonSchema } = schema['~standard'] as { jsonSchema?: { input?(options: { target: string }): unknown } }
  return jsonSchema?.input?.({ target }) ?? {}
}

export function isMap(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const substituted = { type: 'string', pattern: '\\$\\{|^file:' }

/**
 * Any scalar of config may be `${NAME}` or `file:PATH`, and is what it stands for once it is read: an editor that does not know would
 * mark `port: ${PORT:-8080}` as wrong.
 */
export function withSubstitution(schema: JsonSchema): JsonSchema {
  const inner = mapInside(schema, withSubstitution)
  if (inner.anyOf !== undefined || !isStrictScalar(inner)) return inner
  const { description, default: preset, ...rest } = inner
  return {
    ...(description !== undefined && { description }),
    ...(preset !== undefined && { default: preset }),
    anyOf: [rest, substituted],
  }
}

function isStrictScalar({ type, pattern, enum: words, const: word }: JsonSchema): boolean {
  if (words !== undefined || word !== undefined) return true
  const types = Array.isArray(type) ? type : [type]
  if (types.includes('string')) return typeof pattern === 'string' && !pattern.includes('\\$\\{')
  return types.some((one) => ['number', 'integer', 'boolean'].includes(String(one)))
}

/** The schema with each schema directly inside it changed. */
export function mapInside(schema: JsonSchema, change: (inner: JsonSchema) => JsonSchema): JsonSchema {
  const changed: Record<string, unknown> = { ...schema }
  for (const key of ['items', 'additionalProperties']) if (isMap(changed[key])) changed[key] = change(changed[key])
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const list = changed[key]
    if (Array.isArray(list)) changed[key] = list.map((one) => (isMap(one) ? change(one) : one))
  }
  if (isMap(changed.properties)) {
    const entries = Object.entries(changed.properties)
    changed.properties = Object.fromEntries(entries.map(([key, one]) => [key, isMap(one) ? change(one) : one]))
  }
  return changed
}

/** A pattern without capitals may stand behind a toLowerCase, which JSON Schema cannot say: better no mark than a wrong one. */
function lenient(schema: JsonSchema): JsonSchema {
  const { pattern, ...rest } = mapInside(schema, lenient)
  return typeof pattern === 'string' && /[A-Z]/.test(pattern) ? { ...rest, pattern } : rest
}
