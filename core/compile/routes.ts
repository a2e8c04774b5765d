// What must hold for each route's own program: guarded, and nothing missing that this route needs.
import type { Report } from '../config/report.ts'
import { didYouMean } from '../config/suggest.ts'
import type { Base } from '../contract.ts'
import { mapInTurns } from '../util/time-slices.ts'
import {
  type EndpointRoute,
  type ListedStage,
  type PlannedProgram,
  type Profile,
  type RouteEntry,
  roleOf,
} from './profile.ts'

/** Validates a route's options for a stage, merged over the profile's. */
type OptionsFor = (entry: RouteEntry, plugin: Base<unknown>, name: string, merged: unknown) => unknown

/** The programs of all routes of a profile, each proven; problems go to the report. */
export async function planPrograms(
  profile: Profile,
  optionsFor: OptionsFor,
  report: Report,
): Promise<readonly PlannedProgram[]> {
  const programs = [
    ...(await mapInTurns(profile.routes, (entry) => planRoute(profile, entry, optionsFor, report))),
    ...profile.endpoints.map((claim) => planEndpoint(profile, claim)),
  ]
  await mapInTurns(programs, (planned) => proveProgram(planned, profile, report))
  return programs
}

function planRoute(profile: Profile, entry: RouteEntry, optionsFor: OptionsFor, report: Report): PlannedProgram {
  const { route, place } = entry
  const listed = overridden(profile, entry, optionsFor, report)
  const stages = listed.filter(({ stage, options }) => stage.applies?.(route, options) ?? true)
  return { route, place, profile: profile.name, stages, entry }
}

/** The profile's stages with this route's own options; a stage keeps what the route does not say. */
function overridden(
  profile: Profile,
  entry: RouteEntry,
  optionsFor: OptionsFor,
  report: Report,
): readonly ListedStage[] {
  const names = Object.keys(entry.overrides)
  if (names.length === 0) return profile.stages
  const at = (name: string) => entry.document.place([...entry.path, 'stages', name], 'key')
  const known = profile.stages.map((listed) => listed.name)
  for (const name of names) {
    if (!known.includes(name))
      report.error(at(name), `profile ${profile.name} has no stage ${name}${didYouMean(name, known)}`)
  }
  return profile.stages.map((listed) => {
    const { name, stage } = listed
    if (!Object.hasOwn(entry.overrides, name)) return listed
    if (stage.role === 'router') {
      report.error(
        at(name),
        `the router ${name} runs before a route is known, so no route can change it; set its options in the profile`,
      )
      return listed
    }
    const given = { ...listed.given, ...entry.overrides[name] }
    return { ...listed, given, options: optionsFor(entry, stage, name, given), settingsAt: at(name) }
  })
}

/** The router, the observers, and of the filters those that say they know endpoints; the endpoint itself is the terminal. */
function planEndpoint(profile: Profile, { route, by, place }: EndpointRoute): PlannedProgram {
  const stages = profile.stages.filter(({ stage, options }) => {
    const role = roleOf(stage)
    if (role === 'router' || role === 'observer') return true
    if (role === 'terminal' || !stage.also?.includes('endpoints')) return false
    return stage.applies?.(route, options) ?? true
  })
  return { route, place, profile: profile.name, stages, endpoint: by }
}

function proveProgram(planned: PlannedProgram, profile: Profile, report: Report): void {
  const { route, place } = planned
  proveGuard(planned, profile, report)
  proveNeeds(planned, profile, report)
  proveUpgrades(planned, report)
  for (const { name, stage, options } of planned.stages) {
    for (const message of stage.problems?.(route, options) ?? [])
      report.error(place, `route ${route.id}: ${message} (stage ${name})`)
  }
}

function proveGuard({ route, stages, place, entry }: PlannedProgram, profile: Profile, report: Report): void {
  if (route.auth === 'none' || stages.some(({ stage }) => stage.guards?.includes(route.auth))) return
  const known = profile.stages.flatMap(({ stage }) => stage.guards ?? [])
  const cure = known.length > 0 ? `guarded here: ${known.join(', ')}, none` : `add ${route.auth}-auth after the router`
  const guess = didYouMean(route.auth, [...known, 'none'])
  report.error(
    entry === undefined ? place : entry.document.place([...entry.path, 'auth']),
    `route ${route.id} says auth: ${route.auth}, but no stage of profile ${profile.name} guards it${guess}; ${cure}`,
  )
}

/** A filter that never thought of upgrades would let a WebSocket through on rules made for requests. */
function proveUpgrades({ route, stages, place }: PlannedProgram, report: Report): void {
  if (!route.websocket) return
  for (const { name, stage } of stages) {
    if (stage.role === 'observer' || stage.also?.includes('upgrades')) continue
    const cure = `remove it from this route's profile, or say also: ['upgrades'] in the stage once it handles them`
    report.error(place, `route ${route.id} is a WebSocket route, and stage ${name} does not know of upgrades; ${cure}`)
  }
}

function proveNeeds(planned: PlannedProgram, profile: Profile, report: Report): void {
  const { route, stages, endpoint, place } = planned
  const given = new Set<string>()
  for (const { name, stage, options } of stages) {
    if (roleOf(stage) !== 'observer') {
      const required: readonly string[] = stage.requires?.(route, options) ?? []
      for (const slot of new Set<string>([...(stage.needs ?? []), ...required])) {
        if (!given.has(slot) && !saidOfProfile(name, slot, profile))
          report.error(place, missing(planned, name, slot, profile))
      }
    }
    for (const slot of stage.provides ?? []) given.add(slot)
  }
  for (const slot of endpoint?.endpoint.needs ?? []) {
    if (!given.has(slot)) report.error(place, missing(planned, endpoint!.name, slot, profile))
  }
}

/** The order of the profile is wrong for every route, and was told once: a thousand routes would say it a thousand times. */
function saidOfProfile(name: string, slot: string, { stages }: Profile): boolean {
  const at = stages.findIndex((listed) => listed.name === name)
  const giver = stages.findIndex(({ stage }) => stage.provides?.includes(slot))
  const { needs = [], wants = [] }: { needs?: readonly string[]; wants?: readonly string[] } = stages[at]!.stage
  return giver === -1 ? needs.includes(slot) : giver >= at && (needs.includes(slot) || wants.includes(slot))
}

function missing({ route, stages }: PlannedProgram, stage: string, slot: string, profile: Profile): string {
  const gives = ({ stage }: ListedStage) => stage.provides?.includes(slot) === true
  const late = stages.find(gives)
  const absent = profile.stages.find(gives)
  const cure = late
    ? `${late.name} provides it too late; move ${late.name} before ${stage}`
    : absent
      ? `${absent.name}, which provides it, does not run on this route (auth: ${route.auth})`
      : 'no stage that runs on this route provides it'
  return `route ${route.id}: stage ${stage} needs the slot ${slot} here, and ${cure}`
}
