// Settings that no loaded plugin reads. Each is an error with its cure, for a setting that is silently ignored is how doors stay open;
// but one at its default asks for nothing, so `authz: none` needs no stage that knows of it.
import { isDeepStrictEqual } from 'node:util'
import type { Section } from '../contract.ts'
import { builtIns, type PluginLoader } from '../plugin-loading/plugin-loader.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'

export interface Reader {
  /** Its name; of several that read it `a or b`. */
  readonly stage: string
  readonly schema: StandardSchemaV1
}

/** The built-in stages that read a route's key, or a section of settings.yaml. Loads plugins; opens nothing. */
export async function builtInReader(
  loader: PluginLoader,
  of: 'routeKeys' | 'sections',
  key: string,
): Promise<Reader | undefined> {
  const stages: string[] = []
  let schema: StandardSchemaV1 | undefined
  for (const stage of await builtIns('stage')) {
    const { routeKeys = {}, sections = {} } = await loader.load('stage', stage)
    const declared: Readonly<Record<string, StandardSchemaV1 | Section<unknown>>> =
      of === 'routeKeys' ? routeKeys : sections
    if (!Object.hasOwn(declared, key)) continue
    const reader = declared[key]!
    schema ??= 'schema' in reader ? reader.schema : reader
    stages.push(stage)
  }
  return schema && { stage: stages.join(' or '), schema }
}

/** Whether the value says no more than its absence would. */
export function asksNothing(schema: StandardSchemaV1, value: unknown): boolean {
  const said = schema['~standard'].validate(value)
  const silent = schema['~standard'].validate(undefined)
  if (said instanceof Promise || silent instanceof Promise) return false
  return said.issues === undefined && silent.issues === undefined && isDeepStrictEqual(said.value, silent.value)
}
