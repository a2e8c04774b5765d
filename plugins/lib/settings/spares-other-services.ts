import { isDeepStrictEqual } from 'node:util'
import type { Route } from '../../../core/index.ts'
import { servicesOf } from '../chosen-service.ts'

type ByService = Readonly<Record<string, unknown>>

/** For a section by service: what it says of other services than a route's is nothing to what is open on that route. */
export function sparesOtherServices(was: ByService, now: ByService, route: Route): boolean {
  return servicesOf(route).every((name) => isDeepStrictEqual(entry(was, name), entry(now, name)))
}

function entry(section: ByService, name: string): unknown {
  return Object.hasOwn(section, name) ? section[name] : undefined
}
