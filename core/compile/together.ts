// What must hold between the profiles of one process: they share one router, and no path is claimed twice.
import { formatPlace, type Report } from '../config/report.ts'
import { canonical } from '../resources.ts'
import type { ListedStage, PlannedProgram, Profile } from './profile.ts'

/** The programs of all profiles, an endpoint that several bring once. */
export function proveTogether(
  profiles: readonly Profile[],
  programs: readonly PlannedProgram[],
  report: Report,
): readonly PlannedProgram[] {
  const [first, ...others] = profiles
  const router = routerOf(first!)
  for (const other of others) {
    const own = routerOf(other)
    if (!router || !own || sameStage(router, own)) continue
    const message = `profile ${other.name} routes with ${own.name}, but profile ${first!.name} with ${router.name}; all profiles of one process share one router and its options`
    report.error(own.place, message)
  }
  const unique = withoutTwins(programs, report)
  const all = unique.map((p) => p.route)
  if (router) {
    for (const { route, message } of router.stage.conflicts?.(all, router.options) ?? []) {
      report.error(unique.find((p) => p.route === route)!.place, message)
    }
  }
  return unique
}

function routerOf(profile: Profile): ListedStage | undefined {
  return profile.stages.find(({ stage }) => stage.role === 'router')
}

function sameStage(a: ListedStage, b: ListedStage): boolean {
  return a.stage === b.stage && canonical(a.options) === canonical(b.options)
}

function withoutTwins(programs: readonly PlannedProgram[], report: Report): PlannedProgram[] {
  const claims = new Map<string, PlannedProgram>()
  return programs.filter((planned) => {
    const { route, endpoint } = planned
    if (!endpoint) return true
    for (const method of route.methods ?? []) {
      const key = `${method} ${route.path}`
      const other = claims.get(key)
      if (other?.endpoint?.endpoint === endpoint.endpoint) return false // another profile brings it too
      if (other) {
        const message = `${endpoint.name} and ${other.endpoint!.name} (${formatPlace(other.place)}) both claim ${key}; remove one of the stages that bring them`
        report.error(planned.place, message)
      } else claims.set(key, planned)
    }
    return true
  })
}
