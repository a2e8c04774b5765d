// Endpoints of the admin listener: no stage stands before them, so what they ask for must be little.
import { ownPaths } from '../admin/own-paths.ts'
import { formatPlace, type Report } from '../config/report.ts'
import { type EndpointRoute, type PlannedProgram, type Profile, roleOf } from './profile.ts'

/** Their programs, each proven; one that several profiles bring is there once. */
export function planAdmin(profiles: readonly Profile[], report: Report): readonly PlannedProgram[] {
  const claims = new Map<string, EndpointRoute>()
  const ids = new Map<string, EndpointRoute>()
  return profiles.flatMap((profile) =>
    profile.adminEndpoints.flatMap((claim): PlannedProgram[] => {
      const twin = ids.get(claim.route.id)
      if (twin?.by.endpoint === claim.by.endpoint) return []
      ids.set(claim.route.id, claim)
      proveClaim(claim, claims, report)
      const stages = profile.stages.filter(({ stage }) => roleOf(stage) === 'observer')
      return [{ route: claim.route, place: claim.place, profile: profile.name, stages, endpoint: claim.by }]
    }),
  )
}

function proveClaim(claim: EndpointRoute, claims: Map<string, EndpointRoute>, report: Report): void {
  const { route, by, place } = claim
  const refuse = (message: string) => report.error(place, `endpoint ${by.name}: ${message}`)
  if (!/^\/[^*{}?#]*$/.test(route.path)) refuse(`${route.path} must be an exact path on the admin listener`)
  if (ownPaths.some((path) => path === route.path))
    refuse(`${route.path} is a page of the admin listener's own; choose another path`)
  if (route.auth !== 'none')
    refuse(`auth: ${route.auth} cannot be had on the admin listener, where no stage runs; say none`)
  const slots: readonly string[] = [...(by.endpoint.needs ?? []), ...(by.endpoint.wants ?? [])]
  for (const slot of slots.filter((name) => name !== 'route'))
    refuse(`nobody gives the slot ${slot} on the admin listener, where no stage runs; use host.shared or host.use`)
  for (const method of route.methods ?? []) {
    const key = `${method} ${route.path}`
    const other = claims.get(key)
    if (other) refuse(`${other.by.name} (${formatPlace(other.place)}) claims ${key} on the admin listener, too`)
    claims.set(key, claim)
  }
}
