// The keys that plugins add to a route: which there are, and that a route's own profile has the stage that reads them.
import { coreRouteKeys } from '../config/schemas.ts'
import type { Base } from '../contract.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'
import { Slices } from '../util/time-slices.ts'
import type { LoadContext } from './context.ts'
import type { LoadedProfile } from './profiles.ts'
import { asksNothing, builtInReader, type Reader } from './unread.ts'

type Keys = Readonly<Record<string, StandardSchemaV1>>

/** Those of loaded plugins, and of built-in stages that some route speaks to though no profile lists them. */
export async function routeKeys(profiles: readonly LoadedProfile[], context: LoadContext): Promise<Keys> {
  const keys: Record<string, StandardSchemaV1> = {}
  for (const [plugin, place] of context.plugins) {
    for (const [key, schema] of Object.entries(keysOf(plugin))) {
      const taken = coreRouteKeys.includes(key) || (keys[key] !== undefined && keys[key] !== schema)
      if (!taken) keys[key] = schema
      else context.report.error(place, `${plugin.name} brings the route key ${key}, which is taken; name it otherwise`)
    }
  }
  return { ...keys, ...(await unread(keys, profiles, context)) }
}

/**
 * Refuses a route's key that the route's profile has no stage for. Another profile of this process may well have it: `authz: pdp`
 * would then be a known key, and guard nothing.
 */
async function unread(known: Keys, profiles: readonly LoadedProfile[], context: LoadContext): Promise<Keys> {
  const { directory, report } = context
  const found: Record<string, StandardSchemaV1> = {}
  const slices = new Slices()
  const readers = new Map(profiles.map((profile) => [profile.name, readBy(profile, context)]))
  for (const [i, route] of rawRoutes(context)) {
    if (slices.over) await slices.next()
    const profile = profiles.find(({ name }) => name === (route.profile ?? profiles[0]?.name))
    const read = (profile && readers.get(profile.name)) ?? none
    for (const key of Object.keys(route)) {
      if (core.has(key) || read.has(key)) continue
      const reader = await readerOf(key, known, context)
      if (!reader) continue // unknown to everybody: the route's schema says so
      found[key] = reader.schema
      // Of a list that could not be loaded whole, what is missing may be the very stage.
      if (!profile?.whole || asksNothing(reader.schema, route[key])) continue
      const message = `${key} has no effect: no stage of profile ${profile.name} reads it; add ${reader.stage}, or remove ${key}`
      report.error(directory.routes!.place(['routes', i, key], 'key'), message)
    }
  }
  return found
}

const core: ReadonlySet<string> = new Set(coreRouteKeys)
const none: ReadonlySet<string> = new Set()

type RawRoute = Readonly<Record<string, unknown>>

function rawRoutes({ directory }: LoadContext): [number, RawRoute][] {
  const list = directory.routes?.value.routes
  if (!Array.isArray(list)) return []
  return list.flatMap((route: unknown, i): [number, RawRoute][] =>
    typeof route === 'object' && route !== null && !Array.isArray(route) ? [[i, route as RawRoute]] : [],
  )
}

/** Keys that the profile's stages and endpoints read, and services, which belong to no profile. */
function readBy(profile: LoadedProfile, { plugins }: LoadContext): ReadonlySet<string> {
  const own: readonly Base<unknown>[] = [
    ...profile.stages.map(({ stage }) => stage),
    ...profile.endpoints.map(({ by }) => by.endpoint),
    ...[...plugins.keys()].filter((plugin) => !['stage', 'endpoint'].includes(kindOf(plugin))),
  ]
  return new Set(own.flatMap((plugin) => Object.keys(keysOf(plugin))))
}

async function readerOf(key: string, known: Keys, { loader, plugins }: LoadContext): Promise<Reader | undefined> {
  const schema = Object.hasOwn(known, key) ? known[key] : undefined
  if (schema === undefined) return builtInReader(loader, 'routeKeys', key)
  const plugin = [...plugins.keys()].find((each) => Object.hasOwn(keysOf(each), key))!
  return { stage: plugin.name, schema }
}

function keysOf({ routeKeys }: Base<unknown>): Keys {
  return (routeKeys ?? {}) as Keys
}

function kindOf(plugin: Base<unknown> & { readonly kind?: string }): string {
  return plugin.kind ?? 'stage'
}
