// What must hold for each route's own program: guarded, and nothing missing that this route needs.
import type { Place, Report } from '../config/report.ts'
import type { Route } from '../contract.ts'
import { type EndpointRoute, type ListedStage, type PlannedProgram, type Profile, roleOf } from './profile.ts'

export type PlaceOf = (route: Route) => Place

/** The programs of all routes of a profile, each proven; problems go to the report. */
export function planPrograms(profile: Profile, placeOf: PlaceOf, report: Report): readonly PlannedProgram[] {
  const programs = [
    ...profile.routes.map((route) => planRoute(profile, route)),
    ...profile.endpoints.map((claim) => planEndpoint(profile, claim)),
  ]
  const all = programs.map((p) => p.route)
  for (const planned of programs) proveProgram(planned, profile, placeOf(planned.route), report)
  for (const { stage, options } of profile.stages) {
    for (const { route, message } of stage.conflicts?.(all, options) ?? []) report.error(placeOf(route), message)
  }
  return programs
}

function planRoute(profile: Profile, route: Route): PlannedProgram {
  return { route, stages: profile.stages.filter(({ stage, options }) => stage.applies?.(route, options) ?? true) }
}

/** The router, the observers, and of the filters those that say they know endpoints; the endpoint itself is the terminal. */
function planEndpoint(profile: Profile, { route, by }: EndpointRoute): PlannedProgram {
  const stages = profile.stages.filter(({ stage, options }) => {
    const role = roleOf(stage)
    if (role === 'router' || role === 'observer') return true
    if (role === 'terminal' || !stage.also?.includes('endpoints')) return false
    return stage.applies?.(route, options) ?? true
  })
  return { route, stages, endpoint: by }
}

function proveProgram(planned: PlannedProgram, profile: Profile, place: Place, report: Report): void {
  const { route } = planned
  proveGuard(planned, profile, place, report)
  proveNeeds(planned, place, report)
  for (const { name, stage, options } of planned.stages) {
    for (const message of stage.problems?.(route, options) ?? [])
      report.error(place, `route ${route.id}: ${message} (stage ${name})`)
  }
}

function proveGuard({ route, stages }: PlannedProgram, profile: Profile, place: Place, report: Report): void {
  if (route.auth === 'none' || stages.some(({ stage }) => stage.guards?.includes(route.auth))) return
  const known = profile.stages.flatMap(({ stage }) => stage.guards ?? [])
  const cure = known.length > 0 ? `guarded here: ${known.join(', ')}, none` : 'add session-auth after the router'
  report.error(
    place,
    `route ${route.id} says auth: ${route.auth}, but no stage of profile ${profile.name} guards it; ${cure}`,
  )
}

function proveNeeds({ route, stages, endpoint }: PlannedProgram, place: Place, report: Report): void {
  const given = new Set<string>()
  for (const { name, stage, options } of stages) {
    if (roleOf(stage) !== 'observer') {
      const required: readonly string[] = stage.requires?.(route, options) ?? []
      for (const slot of new Set<string>([...(stage.needs ?? []), ...required])) {
        if (!given.has(slot)) report.error(place, missing(route, name, slot, stages))
      }
    }
    for (const slot of stage.provides ?? []) given.add(slot)
  }
  for (const slot of endpoint?.endpoint.needs ?? []) {
    if (!given.has(slot)) report.error(place, missing(route, endpoint!.name, slot, stages))
  }
}

function missing(route: Route, stage: string, slot: string, stages: readonly ListedStage[]): string {
  const giver = stages.find((s) => s.stage.provides?.includes(slot))
  const cure = giver ? `${giver.name} provides it too late` : 'no stage that runs on this route provides it'
  return `route ${route.id}: stage ${stage} needs the slot ${slot} here, and ${cure}`
}
