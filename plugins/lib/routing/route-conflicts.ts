import type { Route } from '../../../core/index.ts'
import { patternOf } from './path-pattern.ts'

interface Conflict {
  /** The one to change: never an endpoint's where the other is a user's. */
  readonly route: Route
  readonly message: string
}

type ByMethod = Map<string, Route>

/** Routes that no request can tell apart: the same shape of path, a host and a method in common. Unreadable paths are told elsewhere. */
export function* routeConflicts(routes: readonly Route[]): Iterable<Conflict> {
  const taken = new Map<string, ByMethod>()
  const readable = routes.filter((route) => patternOf(route) !== undefined)
  const endpointsFirst = [
    ...readable.filter((route) => route.from === 'endpoint'),
    ...readable.filter((route) => route.from !== 'endpoint'),
  ]
  for (const route of endpointsFirst) {
    const { shape } = patternOf(route)!
    const rivals = new Set<Route>()
    for (const key of keysOf(route, shape)) {
      let methods = taken.get(key)
      if (methods === undefined) {
        methods = new Map()
        taken.set(key, methods)
      }
      for (const rival of claim(methods, route)) rivals.add(rival)
    }
    if (route.from !== 'endpoint') {
      for (const rival of overlap(taken.get(`endpoint ${shape}`), route)) rivals.add(rival)
    }
    for (const rival of rivals) yield { route, message: sentence(route, rival) }
  }
}

/** Endpoints stand on every host: they are one group, and every other route is compared with it. */
function keysOf(route: Route, shape: string): readonly string[] {
  if (route.from === 'endpoint') return [`endpoint ${shape}`]
  if (route.hosts === undefined) return [`host any host ${shape}`]
  const hosts = new Set(route.hosts.map((host) => host.toLowerCase()))
  return [...hosts].map((host) => `host ${host} ${shape}`)
}

const every = '*'

function overlap(methods: ByMethod | undefined, route: Route): readonly Route[] {
  if (methods === undefined) return []
  if (route.methods === undefined) return [...methods.values()]
  if (methods.size === 0) return []
  return [...route.methods, every].flatMap((method) => methods.get(method) ?? [])
}

function claim(methods: ByMethod, route: Route): readonly Route[] {
  const rivals = overlap(methods, route)
  for (const method of route.methods ?? [every]) if (!methods.has(method)) methods.set(method, route)
  return rivals
}

function sentence(route: Route, rival: Route): string {
  const other = rival.from === 'endpoint' ? `the endpoint ${rival.id}` : `route ${rival.id} (${rival.at})`
  return `route ${route.id}: no request can tell ${route.path} from ${rival.path} of ${other}; give one of them other methods, hosts or another path`
}
