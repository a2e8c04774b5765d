import { formatPlace, type Place } from '../config/report.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import type { PlannedProgram } from './profile.ts'

interface PlannedStage {
  readonly name: string
  readonly at: string
  /** Where its settings were written. */
  readonly settings_at: string
  readonly needs: readonly string[]
  readonly wants: readonly string[]
  readonly provides: readonly string[]
}

interface PlannedRoute {
  readonly route: string
  readonly listener: 'public' | 'admin'
  readonly methods: readonly string[] | 'all'
  readonly hosts: readonly string[] | 'any'
  readonly path: string
  readonly auth: string
  readonly target_service: string
  readonly websocket: boolean
  readonly streaming: boolean
  readonly profile: string
  readonly at: string
  readonly stages: readonly PlannedStage[]
}

/** Each route's program as data: its stages in order, and where each is listed. */
export function planOf(config: LoadedConfig): readonly PlannedRoute[] {
  return [
    ...config.programs.map((planned) => plannedRoute(planned, 'public')),
    ...config.adminPrograms.map((planned) => plannedRoute(planned, 'admin')),
  ]
}

function plannedRoute(
  { route, stages, endpoint, profile }: PlannedProgram,
  listener: PlannedRoute['listener'],
): PlannedRoute {
  return {
    route: route.id,
    listener,
    methods: route.methods ?? 'all',
    hosts: route.hosts ?? 'any',
    path: route.path,
    auth: route.auth,
    target_service: route.target_service,
    websocket: route.websocket,
    streaming: route.streaming,
    profile,
    at: route.at,
    stages: [
      ...stages.map(({ name, stage, place, settingsAt }) => planned(name, stage, place, settingsAt)),
      ...(endpoint ? [planned(endpoint.name, endpoint.endpoint, endpoint.place, endpoint.place)] : []),
    ],
  }
}

type Slotted = Partial<Pick<PlannedStage, 'needs' | 'wants' | 'provides'>>

function planned(
  name: string,
  { needs = [], wants = [], provides = [] }: Slotted,
  place: Place,
  settingsAt: Place,
): PlannedStage {
  return { name, at: formatPlace(place), settings_at: formatPlace(settingsAt), needs, wants, provides }
}

/** The same for people. */
export function describePlan(config: LoadedConfig): string {
  return planOf(config).map(describeRoute).join('\n\n')
}

function describeRoute(r: PlannedRoute): string {
  const methods = r.methods === 'all' ? '*' : r.methods.join(',')
  const where = r.listener === 'admin' ? '  on the admin listener' : ''
  const target = r.target_service ? ` -> ${r.target_service}` : ''
  const open = `${r.websocket ? '  websocket' : ''}${r.streaming ? '  streaming' : ''}`
  const width = Math.max(...r.stages.map((s) => s.name.length))
  const stages = r.stages.map((s) => `    ${s.name.padEnd(width)}  ${slots(s)}${s.settings_at}`)
  return [`${r.route}  ${methods} ${r.path}  auth: ${r.auth}${open}${target}${where}  (${r.at})`, ...stages].join('\n')
}

function slots({ needs, wants, provides }: PlannedStage): string {
  const parts = [list('needs', needs), list('wants', wants), list('provides', provides)].filter(Boolean)
  return parts.length > 0 ? `${parts.join('; ')}  ` : ''
}

function list(word: string, names: readonly string[]): string {
  return names.length > 0 ? `${word} ${names.join(', ')}` : ''
}
