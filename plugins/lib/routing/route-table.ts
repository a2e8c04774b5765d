import type { Route } from '../../../core/index.ts'
import { type PathPattern, parsePattern, patternOf } from './path-pattern.ts'
import { PathTrie } from './path-trie.ts'

/** A route with its own pattern: two routes of one shape may call their segments differently. */
export interface Target {
  readonly route: Route
  readonly pattern: PathPattern
}

/** The routes of one path pattern on one host: what the method decides between. */
class PathRoutes {
  readonly #byMethod = new Map<string, Target>()
  #any: Target | undefined

  add(target: Target): void {
    const { methods } = target.route
    if (methods === undefined) this.#any ??= target
    else for (const method of methods) if (!this.#byMethod.has(method)) this.#byMethod.set(method, target)
  }

  /** A listed GET answers HEAD as well, unless HEAD is listed itself (RFC 9110 §9.1: both are always supported). */
  target(method: string): Target | undefined {
    const listed = this.#byMethod.get(method) ?? (method === 'HEAD' ? this.#byMethod.get('GET') : undefined)
    return listed ?? this.#any
  }

  /** Value of `Allow` for a method that no route here takes. */
  get allow(): string {
    const methods = new Set(this.#byMethod.keys())
    if (methods.has('GET')) methods.add('HEAD')
    return [...methods].join(', ')
  }
}

/** Paths of one host. */
class PathTable {
  readonly #exact = new Map<string, PathRoutes>()
  readonly #named = new PathTrie<PathRoutes>()
  readonly #wild = new PathTrie<PathRoutes>()

  add(route: Route): void {
    const pattern = patternOf(route) ?? parsePattern(route.path)
    this.#slot(pattern).add({ route, pattern })
  }

  find(path: string): PathRoutes | undefined {
    return this.#exact.get(path) ?? this.#named.whole(path) ?? this.#wild.longest(path)
  }

  #slot(pattern: PathPattern): PathRoutes {
    const make = () => new PathRoutes()
    if (pattern.tail !== undefined) return this.#wild.slot(pattern, make)
    if (pattern.names.length > 0) return this.#named.slot(pattern, make)
    const routes = this.#exact.get(pattern.text) ?? make()
    this.#exact.set(pattern.text, routes)
    return routes
  }
}

/**
 * Finds the routes for a host and a path: a listed host (with its port, then without) before any host; there an exact path, then names,
 * then the longest wildcard. Endpoints are in every host's table, so no user's `/*` can stand before `/auth/login`.
 */
export class RouteTable {
  readonly #hosts = new Map<string, PathTable>()
  readonly #any = new PathTable()

  constructor(routes: readonly Route[]) {
    for (const route of routes) for (const host of route.hosts ?? []) this.#ofHost(host)
    for (const route of routes) {
      if (route.from === 'endpoint') for (const table of this.#hosts.values()) table.add(route)
      if (route.hosts === undefined) this.#any.add(route)
      else for (const host of new Set(route.hosts)) this.#ofHost(host).add(route)
    }
  }

  find(host: string | undefined, path: string): PathRoutes | undefined {
    if (this.#hosts.size > 0 && host !== undefined) {
      const name = host.toLowerCase()
      const bare = withoutPortAndRoot(name)
      const found = this.#hosts.get(name)?.find(path) ?? (bare === name ? undefined : this.#hosts.get(bare)?.find(path))
      if (found !== undefined) return found
    }
    return this.#any.find(path)
  }

  #ofHost(host: string): PathTable {
    const name = host.toLowerCase()
    const table = this.#hosts.get(name) ?? new PathTable()
    this.#hosts.set(name, table)
    return table
  }
}

/** `[::1]:8080` and `app.example.com:8080` without the port; `app.example.com.` is the same name written out to the root (RFC 1034 §3.1). */
function withoutPortAndRoot(host: string): string {
  const colon = host.lastIndexOf(':')
  const name = colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
  return name.endsWith('.') ? name.slice(0, -1) : name
}
