// A stage may send a request to another service than the route's own: one that the route lists in `other_services`.
import { fault, type Route, type Service } from '../../core/index.ts'

/** Names of all services that the route's requests may go to, its own first. */
export function servicesOf({ target_service, other_services }: Route): readonly string[] {
  return other_services === undefined ? [target_service] : [...new Set([target_service, ...other_services])]
}

/** The service of that name; the route's own where the host knows no others (an embedder's host, a test's). */
export function serviceOf(route: Route, name: string, services: Readonly<Record<string, Service>>): Service {
  return name === route.target_service ? route.service! : services[name]!
}

/** What a route has ready for each of its services. */
export class PerService<T> {
  readonly #route: Route
  readonly #own: T
  /** Absent for most: of ten thousand routes few have a second service. */
  readonly #others: ReadonlyMap<string, T> | undefined

  constructor(route: Route, make: (service: string) => T) {
    const [own, ...others] = servicesOf(route)
    this.#route = route
    this.#own = make(own!)
    if (others.length > 0) this.#others = new Map(others.map((name) => [name, make(name)]))
  }

  /** Throws where a stage chose what the route does not list: routes.yaml says where requests and tokens go, no plugin. */
  get(chosen: string | undefined): T {
    if (chosen === undefined || chosen === this.#route.target_service) return this.#own
    const other = this.#others?.get(chosen)
    if (other !== undefined) return other
    const { id } = this.#route
    const why = `the slot service holds ${JSON.stringify(chosen)}, which route ${id} lists neither as target_service nor in other_services`
    throw fault('INTERNAL', undefined, new Error(why))
  }
}
