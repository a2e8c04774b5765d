// The JSON Schemas of a config directory's files, with what every plugin adds to them: for editors, which complete and check YAML.
import { coreRouteSchema } from '../config/route-schema.ts'
import { coreSettings, profileSchema, servicesSchema } from '../config/schemas.ts'
import type { Base, Section } from '../contract.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'
import { describe, readDescriptions } from './descriptions.ts'
import { isMap, type JsonSchema, jsonSchemaOf, mapInside, withSubstitution } from './json-schema.ts'
import type { KnownPlugins } from './known-plugins.ts'

export interface ConfigSchemas {
  readonly settings: JsonSchema
  readonly routes: JsonSchema
  readonly profile: JsonSchema
}

/** What `bascule check` refuses for its shape these refuse, too; they never refuse what it takes. */
export function configSchemas(plugins: KnownPlugins): ConfigSchemas {
  const texts = readDescriptions()
  const file = (title: string, schema: JsonSchema) => ({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    ...withSubstitution(describe(schema, '', texts)),
  })
  return {
    settings: file('settings.yaml of Bascule', settings(plugins)),
    routes: file('routes.yaml of Bascule', routes(plugins)),
    profile: file('profiles/NAME.yaml of Bascule', profile(plugins)),
  }
}

function settings({ all, services, names }: KnownPlugins): JsonSchema {
  const properties: Record<string, JsonSchema> = {}
  for (const [key, schema] of Object.entries(coreSettings)) properties[key] = jsonSchemaOf(schema)
  for (const [key, { schema }] of entriesOf<Section<unknown>>(all, 'sections')) properties[key] ??= jsonSchemaOf(schema)
  for (const { owner, path, plugins } of services)
    properties[owner] = withServices(properties[owner]!, path, { known: optionsOf(plugins), names })
  return closed(properties)
}

function routes(plugins: KnownPlugins): JsonSchema {
  const core = jsonSchemaOf(coreRouteSchema([]))
  const properties: Record<string, JsonSchema> = { ...(core.properties as Record<string, JsonSchema>) }
  for (const [key, schema] of entriesOf<StandardSchemaV1>(plugins.all, 'routeKeys'))
    properties[key] ??= jsonSchemaOf(schema)
  const options = [...stageOptions(plugins)].flatMap(([name, schema]) => (schema ? [[name, partial(schema)]] : []))
  properties.stages = { ...properties.stages, properties: Object.fromEntries(options) }
  return closed({
    services: jsonSchemaOf(servicesSchema),
    routes: { type: 'array', items: { ...core, properties } },
  })
}

/** A route's options go over those of the profile, so none is required there. */
function partial({ required: _, ...schema }: JsonSchema): JsonSchema {
  return schema
}

function profile(plugins: KnownPlugins): JsonSchema {
  const either = [{ required: ['stages'] }, { required: ['extends'] }]
  const there = { known: stageOptions(plugins), names: plugins.names }
  return { ...named(jsonSchemaOf(profileSchema), there), anyOf: either }
}

function stageOptions({ stages, inOptions, names }: KnownPlugins): Nameable['known'] {
  const known = optionsOf(stages)
  for (const { owner, path, plugins } of inOptions) {
    const schema = known.get(owner)
    if (schema) known.set(owner, withServices(schema, path, { known: optionsOf(plugins), names }))
  }
  return known
}

function optionsOf(plugins: ReadonlyMap<string, Base<unknown>>): Map<string, JsonSchema | undefined> {
  return new Map([...plugins].map(([name, { options }]) => [name, options && jsonSchemaOf(options)]))
}

interface Nameable {
  /** What each takes under `with`. */
  readonly known: ReadonlyMap<string, JsonSchema | undefined>
  /** Names of `plugins:`, whose plugins may be loaded or not. */
  readonly names: readonly string[]
}

/** The schema with every place in it that names a plugin told which there are. */
function named(schema: JsonSchema, there: Nameable): JsonSchema {
  const { anyOf } = schema
  const entry = Array.isArray(anyOf) ? anyOf.find((one) => isMap(one) && takesUse(one)) : undefined
  if (entry) return { ...schema, anyOf: [nameOf(there), ...casesOf(entry as JsonSchema, there)] }
  return takesUse(schema) ? { anyOf: casesOf(schema, there) } : mapInside(schema, (inner) => named(inner, there))
}

function takesUse({ properties }: JsonSchema): boolean {
  return isMap(properties) && 'use' in properties
}

/** `{ use, with }`: one case for each plugin that is known; what a file or a package takes is its own. */
function casesOf(schema: JsonSchema, there: Nameable): readonly JsonSchema[] {
  const properties = schema.properties as Readonly<Record<string, JsonSchema>>
  const cases = [...there.known].map(([name, options]) => {
    const { with: _, ...others } = properties
    const own = { use: { const: name }, ...(options && { with: options }) }
    return { ...schema, title: name, properties: { ...others, ...own } }
  })
  return [...cases, { ...schema, properties: { ...properties, use: unknownName(there) } }]
}

function nameOf(there: Nameable): JsonSchema {
  return { anyOf: [{ enum: [...there.known.keys()] }, unknownName(there)] }
}

/** A file, a package, a name of `plugins:` or of a variable, but not what is known: that has a case of its own. */
function unknownName({ known, names }: Nameable): JsonSchema {
  const others = names.filter((name) => !known.has(name))
  const anything = { type: 'string', pattern: '^\\.{0,2}/|^npm:|\\$\\{', not: { enum: [...known.keys()] } }
  return others.length === 0 ? anything : { anyOf: [anything, { enum: others }] }
}

/** The section with the place that names a service told which there are. */
function withServices(section: JsonSchema, [step, ...rest]: readonly PropertyKey[], there: Nameable): JsonSchema {
  if (step === undefined) return named(section, there)
  const { properties } = section
  const inner = isMap(properties) ? properties[String(step)] : undefined
  if (!isMap(properties) || !isMap(inner)) return section
  return { ...section, properties: { ...properties, [String(step)]: withServices(inner, rest, there) } }
}

function closed(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties, additionalProperties: false }
}

function entriesOf<T>(all: ReadonlySet<Base<unknown>>, key: 'sections' | 'routeKeys'): [string, T][] {
  return [...all].flatMap((plugin) => Object.entries((plugin[key] ?? {}) as Readonly<Record<string, T>>))
}
