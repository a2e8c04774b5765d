import { METHODS } from 'node:http'
import { z } from 'zod'
import { serviceSchema } from './service-schema.ts'
import { didYouMean } from './suggest.ts'
import { name, text } from './values.ts'

const serviceName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
    'is no name for a service: letters, digits, _ . and - only, as it stands in log lines',
  )

/** `services` of routes.yaml; an empty key is an empty map. */
export const servicesSchema = z
  .record(serviceName, serviceSchema)
  .nullish()
  .transform((services) => services ?? {})

const method = z.string().superRefine((value, context) => {
  const message = methodProblem(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

/** A method the HTTP parser does not know never arrives: a misspelt one would answer 405 for ever. */
function methodProblem(value: string): string | undefined {
  const upper = value.toUpperCase()
  if (upper === 'TRACE' || upper === 'CONNECT') return `may not hold ${upper}: it is never forwarded`
  if (METHODS.includes(value)) return undefined
  if (METHODS.includes(upper)) return `must be written in upper case: ${upper}`
  return `must be an HTTP method such as GET or POST${didYouMean(value, METHODS)}`
}

const label = '[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?'
const host = z
  .string()
  .toLowerCase()
  .regex(new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-f:.]+\\])$`), {
    error: 'must be a host name such as app.example.com: no scheme, no port, no *',
  })

/** The keys of a route that core knows. Patterns and what needs two keys are checked beside it. */
const shape = {
  id: name,
  description: z.string().optional(),
  path: text,
  methods: z.array(method).min(1, 'must not be empty; leave methods out to allow all').optional(),
  hosts: z.array(host).min(1, 'must not be empty; leave hosts out to allow any').optional(),
  target_service: text,
  other_services: z.array(text).default([]),
  upstream_path: text.optional(),
  preserve_path: z.boolean().default(false),
  auth: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'must be a word such as session, bearer or none')
    .default('session'),
  streaming: z.boolean().default(false),
  websocket: z.boolean().default(false),
  encoded_slash: z.enum(['reject', 'keep']).default('reject'),
  profile: name.optional(),
  stages: z.record(text, z.record(z.string(), z.unknown())).optional(),
}

export const coreRouteKeys: readonly string[] = Object.keys(shape)

const plain = z.strictObject(shape)
export type RouteEntry = z.output<typeof plain>

/** `extra`: keys that plugins read, let through here and checked by their own schemas. */
export function coreRouteSchema(extra: readonly string[]): z.ZodType<RouteEntry> {
  const later = Object.fromEntries(extra.map((key) => [key, z.unknown().optional()]))
  return z.strictObject({ ...later, ...shape })
}
