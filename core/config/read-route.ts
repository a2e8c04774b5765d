import type { Route, RouteKeys } from '../contract.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'
import type { Path } from './document.ts'
import { pathProblem, placeholders, upstreamPathProblem } from './path-pattern.ts'
import { coreRouteKeys, coreRouteSchema, type RouteEntry } from './route-schema.ts'
import { isZod } from './schema-keys.ts'
import { validate, type Where } from './validate.ts'

/** A route as written and checked; who loads it adds where it stands and its service. */
export type RouteSettings = Omit<Route, 'from' | 'service' | 'at'> & Pick<RouteEntry, 'profile' | 'stages'>

type Raw = Readonly<Record<string, unknown>>
type PluginKeys = Readonly<Record<string, StandardSchemaV1>>

type RouteReader = (value: unknown, where: Where) => RouteSettings | undefined

/** Reads entries of `routes`. The schemas are made once: zod compiles each to code, which costs more than to check a route with it. */
export function routeReader(extra: PluginKeys): RouteReader {
  const keys = Object.keys(extra).filter((key) => !coreRouteKeys.includes(key))
  const core = coreRouteSchema(keys)
  const added = keys.map((key): AddedKey => [key, boxed(extra[key]!)])
  return (value, where) => readRoute(core, added, value, where)
}

/** All that is wrong with it is in the report, also where an earlier check found fault. */
function readRoute(
  schema: ReturnType<typeof coreRouteSchema>,
  keys: readonly AddedKey[],
  value: unknown,
  where: Where,
): RouteSettings | undefined {
  const core = validate(schema, value, where)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const raw = value as Raw
  const added = readExtra(keys, raw, where)
  const sound = [checkPatterns(raw, where), checkWhatIsSent(raw, where)].every(Boolean)
  if (core === undefined || added === undefined || !sound) return undefined
  warnOfTemplate(core, where)
  return assemble(core, added)
}

/** Key by key, not spread together: ten thousand routes of one shape are built and read faster. */
function assemble(entry: RouteEntry, added: Partial<RouteKeys>): RouteSettings {
  const { methods, hosts, other_services, upstream_path, profile, stages } = entry
  const made: { -readonly [K in keyof RouteSettings]?: RouteSettings[K] } = {
    id: entry.id,
    path: entry.path,
    target_service: entry.target_service,
    auth: entry.auth,
    preserve_path: entry.preserve_path,
    encoded_slash: entry.encoded_slash,
    websocket: entry.websocket,
    streaming: entry.streaming,
  }
  if (methods) made.methods = unique(methods)
  if (hosts) made.hosts = unique(hosts)
  if (other_services.length > 0) made.other_services = unique(other_services)
  if (upstream_path !== undefined && !entry.preserve_path) made.upstream_path = upstream_path
  if (profile !== undefined) made.profile = profile
  if (stages !== undefined) made.stages = stages
  return Object.assign(made, added) as RouteSettings
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)]
}

/** Each plugin's key by its own schema, absent ones too: the default is the schema's. */
function readExtra(keys: readonly AddedKey[], raw: Raw, where: Where): Partial<RouteKeys> | undefined {
  const made: Record<string, unknown> = {}
  let failed = false
  for (const [key, schema] of keys) {
    const result = validate(schema, raw[key], below(where, key))
    if (result === undefined) failed = true
    else if (result.value !== undefined) made[key] = result.value
  }
  return failed ? undefined : made
}

type Boxed<T> = StandardSchemaV1<unknown, { readonly value: T }>
type AddedKey = readonly [key: string, schema: Boxed<unknown>]

/** The schema with its result in a box: a key may well be undefined, and that is no fault. */
function boxed<T>(schema: StandardSchemaV1<unknown, T>): Boxed<T> {
  if (isZod(schema)) return schema.transform((value) => ({ value: value as T })) // stays zod: its faults are said in our words
  const standard = schema['~standard']
  const box = (result: Awaited<ReturnType<typeof standard.validate>>) =>
    result.issues === undefined ? { value: { value: result.value } } : result
  const validate = (value: unknown) => {
    const result = standard.validate(value)
    return result instanceof Promise ? result.then(box) : box(result)
  }
  return { ...schema, '~standard': { ...standard, types: undefined, validate } }
}

function checkPatterns(raw: Raw, where: Where): boolean {
  const path = textOf(raw.path)
  const template = textOf(raw.upstream_path)
  const wrongPath = path === undefined ? undefined : pathProblem(path)
  // A pattern that is wrong itself cannot say which names it gives.
  const pattern = wrongPath === undefined ? path : undefined
  const wrongTemplate = template === undefined ? undefined : upstreamPathProblem(template, pattern)
  if (wrongPath !== undefined) say(where, 'path', wrongPath)
  if (wrongTemplate !== undefined) say(where, 'upstream_path', wrongTemplate)
  return wrongPath === undefined && wrongTemplate === undefined
}

function checkWhatIsSent(raw: Raw, { document, path, report }: Where): boolean {
  const keeps = raw.preserve_path === true || document.broken([...path, 'preserve_path'])
  if (raw.upstream_path !== undefined || keeps || document.broken([...path, 'upstream_path'])) return true
  const cure = "write upstream_path, or preserve_path: true to send the client's path as it is"
  report.error(document.place(path), `this route does not say which path to send; ${cure}`)
  return false
}

/** What is allowed, but seldom meant. */
function warnOfTemplate({ path, upstream_path, preserve_path }: RouteEntry, where: Where): void {
  if (upstream_path === undefined) return
  const message = preserve_path
    ? 'upstream_path has no effect beside preserve_path: true; remove one of the two'
    : 'upstream_path has no {path}: what the * matched is not sent, so all these paths become one'
  if (!preserve_path && (!path.endsWith('*') || placeholders(upstream_path).includes('path'))) return
  where.report.warn(where.document.place([...where.path, 'upstream_path'], preserve_path ? 'key' : 'value'), message)
}

function say(where: Where, key: string, problem: string): void {
  where.report.error(where.document.place([...where.path, key]), `${key} ${problem}`)
}

function below(where: Where, key: string): Where & { readonly path: Path } {
  return { ...where, path: [...where.path, key] }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}
