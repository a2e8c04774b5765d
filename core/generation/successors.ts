import type { ListedStage, PlannedProgram } from '../compile/profile.ts'
import type { Route, Section, Sections } from '../contract.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { canonicalJson } from '../util/canonical-json.ts'

export type SuccessorOf = (route: Route) => Route | undefined

/**
 * Which route of a new configuration takes over what is open on one of the old: the one of the same name, if nothing that made the connection
 * what it is has changed. Undefined: the route is gone, or the reload touched it.
 */
export function successors(was: LoadedConfig, now: LoadedConfig): SuccessorOf {
  const known = new Map<Route, Route | undefined>()
  let before: ReadonlyMap<string, PlannedProgram> | undefined
  let after: ReadonlyMap<string, PlannedProgram> | undefined
  return (route) => {
    if (known.has(route)) return known.get(route)
    before ??= byId(was)
    after ??= byId(now)
    const old = before.get(route.id)
    const next = after.get(route.id)
    const successor = old && next && sameProgram(old, next) && sparedSections(old, was, now) ? next.route : undefined
    known.set(route, successor)
    return successor
  }
}

function byId({ programs }: LoadedConfig): ReadonlyMap<string, PlannedProgram> {
  return new Map(programs.map((planned) => [planned.route.id, planned]))
}

function sameProgram(old: PlannedProgram, next: PlannedProgram): boolean {
  if (!same({ ...old.route, at: '' }, { ...next.route, at: '' })) return false
  if (old.endpoint || next.endpoint || old.stages.length !== next.stages.length) return false
  return old.stages.every((stage, i) => sameStage(stage, next.stages[i]!))
}

/** A plugin's file that changed is another stage. */
function sameStage(a: ListedStage, b: ListedStage): boolean {
  return a.stage === b.stage && a.timeout === b.timeout && same(a.options, b.options)
}

/** What the stages of this program read beside their options. */
function sparedSections({ route, stages }: PlannedProgram, was: LoadedConfig, now: LoadedConfig): boolean {
  if (was.server.public_url !== now.server.public_url) return false
  if (!same(was.server.public_urls, now.server.public_urls)) return false
  for (const { stage } of stages) {
    for (const [key, section] of Object.entries((stage.sections ?? {}) as Record<string, Section<unknown>>)) {
      const a = was.sections[key as keyof Sections]
      const b = now.sections[key as keyof Sections]
      if (!same(a, b) && !section.spares?.(a, b, route)) return false
    }
  }
  return true
}

/** Options that are no plain data (an embedder's functions) are the same only if they are the very same. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  try {
    return canonicalJson(a) === canonicalJson(b)
  } catch {
    return false
  }
}
