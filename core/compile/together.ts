// What must hold between the profiles of one process: they share one router, and no path is claimed twice.
import { formatPlace, type Report } from '../config/report.ts'
import type { Sections } from '../contract.ts'
import { canonicalJson } from '../util/canonical-json.ts'
import type { ListedStage, PlannedProgram, Profile } from './profile.ts'

/** The programs of all profiles, an endpoint that several bring once. */
export function proveTogether(
  profiles: readonly Profile[],
  programs: readonly PlannedProgram[],
  sections: Readonly<Partial<Sections>>,
  report: Report,
): readonly PlannedProgram[] {
  proveCookies(profiles, sections, report)
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
  return a.stage === b.stage && canonicalJson(a.options) === canonicalJson(b.options)
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

/** A name is one whatever prefix browsers know it by (RFC 6265bis, section 4.1.3). */
function proveCookies(profiles: readonly Profile[], sections: Readonly<Partial<Sections>>, report: Report): void {
  const owners = new Map<string, ListedStage>()
  for (const listed of profiles.flatMap((profile) => profile.stages)) {
    for (const cookie of listed.stage.cookies?.(sections) ?? []) {
      const name = cookie.replace(/^__(host|secure|http|host-http)-/i, '')
      const owner = owners.get(name)
      if (owner && owner.stage !== listed.stage) {
        const message = `stage ${listed.name} and stage ${owner.name} (${formatPlace(owner.place)}) both claim the cookie ${name}; rename one, or remove a stage`
        report.error(listed.place, message)
      }
      owners.set(name, owner ?? listed)
    }
  }
}
