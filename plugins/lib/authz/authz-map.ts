// `authz` and `authz_map` of a route: what a request of each method is asked about.
import { METHODS } from 'node:http'
import { z } from 'zod'
import type { Route } from '../../../core/index.ts'
import { parsePattern, patternProblem } from '../routing/path-pattern.ts'
import { type ValueSource, valueProblem, valueSource } from './authz-value.ts'

declare module '../../../core/contract.ts' {
  interface RouteKeys {
    /** Absent: none. */
    authz?: 'none' | 'pdp'
    /** By method. */
    authz_map?: Readonly<Record<string, AuthzMapping>>
  }
}

type PropValue = string | number | boolean

/** One entry of `authz_map`, as written. */
export interface AuthzMapping {
  /** AuthZEN's `resource.type`. */
  readonly resource: string
  /** AuthZEN's `action.name`. */
  readonly action: string
  /** AuthZEN's `resource.id`; absent: the type stands for the one thing there is. */
  readonly id_from?: string | undefined
  /** AuthZEN's `resource.properties`. */
  readonly props: Readonly<Record<string, PropValue>>
}

const text = z.string().trim().min(1, 'must not be empty')
const method = z.string().superRefine((value, context) => {
  if (METHODS.includes(value)) return
  const upper = value.toUpperCase()
  const message = METHODS.includes(upper)
    ? `must be written in upper case: ${upper}`
    : 'must be an HTTP method such as GET'
  context.addIssue({ code: 'custom', message })
})
const mapping = z.strictObject({
  resource: text,
  action: text,
  id_from: text.optional(),
  props: z.record(text, z.union([z.string(), z.number(), z.boolean()])).default({}),
})

export const authzRouteKeys = {
  authz: z.enum(['none', 'pdp']).default('none'),
  authz_map: z
    .record(method, mapping)
    .nullish()
    .transform((map) => map ?? undefined),
}

/** A mapping made ready: no text is parsed when a request comes. */
export interface CompiledMapping {
  readonly resource: string
  readonly action: string
  readonly id: ValueSource
  readonly props: readonly (readonly [name: string, from: ValueSource])[]
  readonly readsBody: boolean
}

export function compileMapping({ resource, action, id_from, props }: AuthzMapping): CompiledMapping {
  const id = valueSource(id_from ?? resource, id_from === undefined)
  const made = Object.entries(props).map(([name, value]) => [name, valueSource(value)] as const)
  const readsBody = [id, ...made.map(([, from]) => from)].some((from) => from.kind === 'body')
  return { resource, action, id, props: made, readsBody }
}

/** The mapping for a method; HEAD is asked about as the GET that it is, unless it has its own. */
export function mappingFor<T>(map: ReadonlyMap<string, T>, method: string): T | undefined {
  return map.get(method) ?? (method === 'HEAD' ? map.get('GET') : undefined)
}

/** Why a route's `authz_map` does not cover what the route lets in, or cannot work. */
export function* mappingProblems(route: Route): Iterable<string> {
  const { authz, authz_map: map, methods } = route
  if (authz !== 'pdp') {
    if (map !== undefined) yield 'has an authz_map, which only authz: pdp reads; add that, or remove the map'
    return
  }
  const mapped = Object.keys(map ?? {})
  if (methods === undefined) {
    const cure = mapped.length > 0 ? `write methods: [${mapped.join(', ')}]` : 'list the methods it takes'
    yield `has authz: pdp and no methods, so it takes any, and authz_map cannot cover them all; ${cure}`
  } else yield* coverProblems(methods, mapped)
  for (const [method, entry] of Object.entries(map ?? {})) yield* entryProblems(route, method, entry)
}

function* coverProblems(methods: readonly string[], mapped: readonly string[]): Iterable<string> {
  for (const method of methods) {
    if (mapped.includes(method) || (method === 'HEAD' && mapped.includes('GET'))) continue
    yield `has no authz_map for ${method}; add ${method}: { resource: …, action: … }, or take ${method} out of methods`
  }
  for (const method of mapped) {
    if (methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))) continue
    yield `has an authz_map for ${method}, which is not among its methods; add it there, or remove the mapping`
  }
}

function* entryProblems(route: Route, method: string, { id_from, props }: AuthzMapping): Iterable<string> {
  const known = namesOf(route)
  const values: [string, PropValue][] = Object.entries(props).map(([name, value]) => [`props.${name}`, value])
  if (id_from !== undefined) values.unshift(['id_from', id_from])
  for (const [key, value] of values) {
    const at = `authz_map.${method}.${key}`
    const problem = valueProblem(value, known)
    if (problem !== undefined) yield `${at} ${problem}`
    else if ((method === 'GET' || method === 'HEAD') && valueSource(value).kind === 'body') {
      yield `${at} reads the body, and a ${method} has none; take it from the path`
    }
  }
}

function namesOf({ path }: Route): readonly string[] {
  if (patternProblem(path) !== undefined) return [] // told by the router
  const { names, tail } = parsePattern(path)
  return tail === undefined ? names : [...names, 'path']
}
