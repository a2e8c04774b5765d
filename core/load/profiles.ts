import type { EndpointRoute, ListedEndpoint, ListedStage, Profile } from '../compile/profile.ts'
import { formatPlace, type Place } from '../config/report.ts'
import type { Route } from '../contract.ts'
import { type ComposedProfile, composeProfile } from './compose.ts'
import { type LoadContext, loadNamed, useOf, withOf } from './context.ts'

/** A profile with its stages loaded; its routes come later. */
export interface LoadedProfile extends Omit<Profile, 'routes'> {
  readonly files: readonly string[]
  /** False: a stage could not be loaded, and what is said of the list without it would mislead. */
  readonly whole: boolean
}

/** Loads the named profile's plugins and validates their options. `at`: where config names it. */
export async function loadProfile(
  name: string,
  at: Place | undefined,
  context: LoadContext,
): Promise<LoadedProfile | undefined> {
  const { directory, report } = context
  const composed = composeProfile(name, at, { directory, report, chain: [] })
  if (!composed) return undefined
  const stages = await loadStages(composed, context)
  const brought = await loadEndpoints(stages, context)
  const isAdmin = ({ by }: EndpointRoute) => by.endpoint.listener === 'admin'
  const endpoints = brought.filter((claim) => !isAdmin(claim))
  const adminEndpoints = brought.filter(isAdmin)
  const whole = stages.length === composed.entries.length
  return { name, place: composed.place, stages, endpoints, adminEndpoints, files: composed.files, whole }
}

async function loadStages({ entries }: ComposedProfile, context: LoadContext): Promise<ListedStage[]> {
  const stages: ListedStage[] = []
  for (const { ref, document, path } of entries) {
    const place = document.place(path)
    const name = useOf(ref)
    const stage = await context.plugin(place, (loader) => loader.load('stage', name))
    if (!stage) continue
    const given = withOf(ref)
    const options = context.options(stage, given, document, [...path, 'with'])
    if (options !== undefined) await loadNamed(stage.refs?.(options) ?? [], document, [...path, 'with'], context)
    const settingsAt = given === undefined ? place : document.place([...path, 'with'], 'key')
    const timeout = typeof ref === 'string' ? undefined : ref.timeout
    stages.push({ name, stage, options, given, place, settingsAt, ...(timeout !== undefined && { timeout }) })
  }
  return stages
}

/** What the stages bring: endpoints under fixed paths, as routes. */
async function loadEndpoints(stages: readonly ListedStage[], context: LoadContext): Promise<EndpointRoute[]> {
  const routes: EndpointRoute[] = []
  for (const { stage, place } of stages) {
    for (const name of stage.brings ?? []) {
      const endpoint = await context.plugin(place, (loader) => loader.load('endpoint', name))
      if (!endpoint) continue
      const by: ListedEndpoint = { name, endpoint, options: undefined, place }
      for (const path of endpoint.paths(undefined)) routes.push({ route: endpointRoute(path, place), by, place })
    }
  }
  return routes
}

type Claim = ReturnType<ListedEndpoint['endpoint']['paths']>[number]

function endpointRoute(claim: Claim, place: Place): Route {
  return Object.freeze({
    ...claim,
    from: 'endpoint' as const,
    target_service: '',
    preserve_path: false,
    encoded_slash: 'reject' as const,
    websocket: false,
    streaming: false,
    at: formatPlace(place),
  }) as Route
}
