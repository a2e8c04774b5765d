// Stages that no profile lists and a section of settings.yaml asks for by its value.
import type { ListedStage } from '../compile/profile.ts'
import { roleOf } from '../compile/profile.ts'
import type { LoadContext } from './context.ts'
import type { LoadedProfile } from './profiles.ts'
import type { SectionReader } from './sections.ts'

/**
 * Each goes right behind the router, where it sees every request first and every answer last; one that guards routes stands with its like,
 * before the first that the profile lists, so that what edits answers edits its refusals, too. Its place is the section's.
 */
export async function withAskedStages(
  profiles: readonly LoadedProfile[],
  sections: SectionReader,
  context: LoadContext,
): Promise<readonly LoadedProfile[]> {
  const asked = await askedStages(sections, context)
  return asked.length === 0 ? profiles : profiles.map((profile) => ({ ...profile, stages: withThem(profile, asked) }))
}

async function askedStages(sections: SectionReader, context: LoadContext): Promise<readonly ListedStage[]> {
  const { settings } = context
  const asked: ListedStage[] = []
  for (const [name, section] of sections.stages()) {
    const place = settings.place([section], 'key')
    const stage = await context.plugin(place, (loader) => loader.load('stage', name))
    if (!stage) continue
    const options = context.options(stage, undefined, settings, [section])
    asked.push({ name, stage, options, given: undefined, place, settingsAt: place })
  }
  await sections.readAll()
  return asked
}

function withThem({ stages }: LoadedProfile, asked: readonly ListedStage[]): readonly ListedStage[] {
  const missing = asked.filter(({ stage }) => !stages.some((listed) => listed.stage === stage))
  const behind = stages.findIndex(({ stage }) => roleOf(stage) === 'router') + 1
  const first = stages.findIndex(isGuard)
  const before = first === -1 ? behind : Math.max(first, behind)
  return [
    ...stages.slice(0, behind),
    ...missing.filter((asked) => !isGuard(asked)),
    ...stages.slice(behind, before),
    ...missing.filter(isGuard),
    ...stages.slice(before),
  ]
}

function isGuard({ stage }: ListedStage): boolean {
  return (stage.guards?.length ?? 0) > 0
}
