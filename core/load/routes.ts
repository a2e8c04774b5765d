import type { RouteEntry } from '../compile/profile.ts'
import type { ConfigDocument, Path } from '../config/document.ts'
import { formatPlace } from '../config/report.ts'
import { type RouteSettings, routeReader, servicesSchema } from '../config/schemas.ts'
import { didYouMean } from '../config/suggest.ts'
import type { Route, Service } from '../contract.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'
import { mapInTurns } from '../util/time-slices.ts'
import { type LoadContext, validateKey } from './context.ts'

export type Services = Readonly<Record<string, Service>>

export function readServices({ directory, report }: LoadContext): Services {
  const document = directory.routes
  const read = document ? (validateKey(servicesSchema, document, 'services', report) ?? {}) : {}
  return Object.fromEntries(Object.entries(read).map(([name, service]) => [name, { name, ...service }]))
}

/** The routes of routes.yaml that are sound in themselves; `keys`: what the loaded plugins add to a route. */
export async function readRoutes(
  services: Services,
  keys: Readonly<Record<string, StandardSchemaV1>>,
  context: LoadContext,
): Promise<RouteEntry[]> {
  const document = context.directory.routes
  if (!document) return []
  refuseStrayKeys(document, ['services', 'routes'], context)
  const list = document.value.routes
  if (!Array.isArray(list)) {
    context.report.error(document.place(['routes']), 'routes must be a list of routes')
    return []
  }
  const read = routeReader(keys)
  const named = namesOf(document)
  const sound = await mapInTurns(list, (value: unknown, i) => {
    const settings = read(value, { document, path: ['routes', i], report: context.report })
    return settings ? [routeEntry(settings, { services, named }, document, i, context)] : []
  })
  const entries = sound.flat()
  refuseTwins(entries, context)
  return entries
}

function routeEntry(
  settings: RouteSettings,
  { services, named }: { readonly services: Services; readonly named: ReadonlySet<string> },
  document: ConfigDocument,
  i: number,
  { report }: LoadContext,
): RouteEntry {
  const { stages = {}, profile, target_service: target, other_services = [] } = settings
  const service = Object.hasOwn(services, target) ? services[target] : undefined
  const refuse = (key: string, name: string, path: Path) =>
    report.error(document.place(['routes', i, ...path]), `${key} ${name} is not in services${didYouMean(name, named)}`)
  // One that is there but wrong has been reported at its own place.
  if (!document.broken(['services'])) {
    if (!named.has(target)) refuse('target_service', target, ['target_service'])
    for (const [j, other] of other_services.entries())
      if (!named.has(other)) refuse('other_services', other, ['other_services', j])
  }
  const place = document.place(['routes', i])
  const route = routeOf(settings, { from: 'routes.yaml', service, at: formatPlace(place) })
  return { route, place, document, path: ['routes', i], overrides: stages, ...(profile !== undefined && { profile }) }
}

function routeOf(settings: RouteSettings, about: Pick<Route, 'from' | 'service' | 'at'>): Route {
  const route = Object.assign(settings, about) as Route & { profile?: unknown; stages?: unknown }
  // `delete` makes an object slow, and few have them.
  if (route.profile !== undefined) delete route.profile
  if (route.stages !== undefined) delete route.stages
  return Object.freeze(route)
}

function namesOf(document: ConfigDocument): ReadonlySet<string> {
  const { services } = document.value
  return new Set(typeof services === 'object' && services !== null ? Object.keys(services) : [])
}

function refuseStrayKeys(document: ConfigDocument, known: readonly string[], { report }: LoadContext): void {
  for (const key of Object.keys(document.value)) {
    if (!known.includes(key))
      report.error(document.place([key], 'key'), `unknown key "${key}"${didYouMean(key, known)}`)
  }
}

function refuseTwins(entries: readonly RouteEntry[], { report }: LoadContext): void {
  const seen = new Map<string, Route>()
  for (const { route, place } of entries) {
    const first = seen.get(route.id)
    if (first) report.error(place, `route id ${route.id} is used twice; the first is at ${first.at}`)
    else seen.set(route.id, route)
  }
}
