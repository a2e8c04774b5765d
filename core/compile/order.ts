// What must hold for a list of stages whatever the routes: the proofs that a profile's order is safe.
import { formatPlace, type Report } from '../config/report.ts'
import { likely } from '../config/suggest.ts'
import { type ListedStage, type Profile, roleOf } from './profile.ts'

/** Proves roles, order and slots of the whole list. Messages name the stages, the slot and the cure. */
export function proveOrder(profile: Profile, report: Report): void {
  const acting = profile.stages.filter((s) => roleOf(s.stage) !== 'observer')
  proveUnique(profile.stages, report)
  proveRouter(profile, acting, report)
  proveTerminal(profile, acting, report)
  proveSlots(profile.stages, profile, report)
  if (!profile.stages.some((s) => s.stage.role === 'observer')) {
    report.warn(profile.place, `profile ${profile.name} has no observer: no request is logged; add log`)
  }
}

function proveUnique(stages: readonly ListedStage[], report: Report): void {
  const seen = new Map<string, ListedStage>()
  for (const listed of stages) {
    const before = seen.get(listed.name)
    if (before)
      report.error(listed.place, `stage ${listed.name} is listed twice; the first is at ${formatPlace(before.place)}`)
    else seen.set(listed.name, listed)
  }
}

function proveRouter(profile: Profile, acting: readonly ListedStage[], report: Report): void {
  const routers = acting.filter((s) => s.stage.role === 'router')
  if (routers.length === 0) {
    report.error(
      profile.place,
      `profile ${profile.name} has no router: nothing gives the slot route; put route-match first`,
    )
  }
  for (const extra of routers.slice(1)) {
    report.error(
      extra.place,
      `stage ${extra.name} is a second router beside ${routers[0]!.name}; a profile has one: remove either`,
    )
  }
  const first = acting[0]
  if (routers[0] && first && first !== routers[0]) {
    report.error(
      routers[0].place,
      `stage ${routers[0].name} gives the slot route, but ${first.name} stands before it; move ${routers[0].name} to the front`,
    )
  }
}

function proveTerminal(profile: Profile, acting: readonly ListedStage[], report: Report): void {
  const terminals = acting.filter((s) => s.stage.role === 'terminal')
  const terminal = terminals[0]
  if (!terminal) {
    report.error(
      profile.place,
      `profile ${profile.name} has no terminal stage: nothing answers; add forward at the end`,
    )
    return
  }
  for (const extra of terminals.slice(1)) {
    report.error(
      extra.place,
      `stage ${extra.name} is a second terminal stage after ${terminal.name}; a profile has one: remove either`,
    )
  }
  for (const late of acting.slice(acting.indexOf(terminal) + 1)) {
    if (late.stage.role === 'terminal') continue
    report.error(
      late.place,
      `stage ${late.name} stands after the terminal stage ${terminal.name} and would never run; move it before ${terminal.name}`,
    )
  }
}

function proveSlots(stages: readonly ListedStage[], profile: Profile, report: Report): void {
  const givers = new Map<string, { listed: ListedStage; at: number }>()
  stages.forEach((listed, at) => {
    for (const slot of listed.stage.provides ?? []) {
      const other = givers.get(slot)
      if (other)
        report.error(
          listed.place,
          `stage ${listed.name} provides the slot ${slot}, which ${other.listed.name} provides already`,
        )
      else givers.set(slot, { listed, at })
    }
  })
  stages.forEach((listed, at) => {
    if (roleOf(listed.stage) === 'observer') return
    const needs: readonly string[] = listed.stage.needs ?? []
    for (const slot of [...needs, ...(listed.stage.wants ?? [])]) {
      const giver = givers.get(slot)
      if (!giver && needs.includes(slot))
        report.error(listed.place, noGiver(listed.name, slot, profile.name, likely(slot, givers.keys())))
      else if (giver && giver.at >= at)
        report.error(listed.place, tooEarly(listed.name, slot, giver.listed.name, needs.includes(slot)))
    }
  })
}

function noGiver(stage: string, slot: string, profile: string, guess: string | undefined): string {
  const cure = guess === undefined ? `add one before ${stage}` : `did you mean ${guess}?`
  return `stage ${stage} needs the slot ${slot}, and no stage of profile ${profile} provides it; ${cure}`
}

function tooEarly(stage: string, slot: string, giver: string, needed: boolean): string {
  return `stage ${stage} ${needed ? 'needs' : 'wants'} the slot ${slot}, but ${giver}, which provides it, stands after it; move ${giver} before ${stage}`
}
