import type { ConfigDocument, Path } from '../config/document.ts'
import type { Place } from '../config/report.ts'
import type { Endpoint, Route, Stage } from '../contract.ts'

/** A stage as a profile lists it, or as a route's `stages` changes it. */
export interface ListedStage {
  readonly name: string
  readonly stage: Stage
  /** As the stage's schema made them. */
  readonly options: unknown
  /** As written under `with`. */
  readonly given: Readonly<Record<string, unknown>> | undefined
  /** Milliseconds for one `run`, where the profile says so. */
  readonly timeout?: number
  readonly place: Place
  /** Where its settings were written; the listing itself where there are none. */
  readonly settingsAt: Place
}

export interface ListedEndpoint {
  readonly name: string
  readonly endpoint: Endpoint
  readonly options: unknown
  /** Of the stage that brings it. */
  readonly place: Place
}

/** One endpoint's claim on a path, as a route. */
export interface EndpointRoute {
  readonly route: Route
  readonly by: ListedEndpoint
  readonly place: Place
}

/** One entry of routes.yaml: the route, and what it says of its own program. */
export interface RouteEntry {
  readonly route: Route
  readonly place: Place
  readonly document: ConfigDocument
  readonly path: Path
  /** Absent: the default profile. */
  readonly profile?: string
  /** Options by stage, over those of the profile. */
  readonly overrides: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** A profile with everything loaded and nothing opened. */
export interface Profile {
  readonly name: string
  /** Of its list of stages. */
  readonly place: Place
  readonly stages: readonly ListedStage[]
  readonly endpoints: readonly EndpointRoute[]
  /** Of the admin listener. */
  readonly adminEndpoints: readonly EndpointRoute[]
  /** Of routes.yaml. */
  readonly routes: readonly RouteEntry[]
}

/** One route's stages, in the order of the profile's list. */
export interface PlannedProgram {
  readonly route: Route
  readonly place: Place
  readonly profile: string
  readonly stages: readonly ListedStage[]
  /** What routes.yaml says of it; absent on an endpoint. */
  readonly entry?: RouteEntry
  readonly endpoint?: ListedEndpoint
}

export function roleOf(stage: Stage): 'router' | 'filter' | 'terminal' | 'observer' {
  return (stage.role as 'router' | undefined) ?? 'filter'
}
