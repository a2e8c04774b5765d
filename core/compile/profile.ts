import type { Place } from '../config/report.ts'
import type { Endpoint, Route, Stage } from '../contract.ts'

/** A stage as a profile lists it. */
export interface ListedStage {
  readonly name: string
  readonly stage: Stage
  readonly options: unknown
  readonly place: Place
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
}

/** A profile with everything loaded and nothing opened. */
export interface Profile {
  readonly name: string
  /** Of its list of stages. */
  readonly place: Place
  readonly stages: readonly ListedStage[]
  readonly endpoints: readonly EndpointRoute[]
  /** Of routes.yaml. */
  readonly routes: readonly Route[]
}

/** One route's stages, by position in the profile's list. */
export interface PlannedProgram {
  readonly route: Route
  readonly stages: readonly ListedStage[]
  readonly endpoint?: ListedEndpoint
}

export function roleOf(stage: Stage): 'router' | 'filter' | 'terminal' | 'observer' {
  return (stage.role as 'router' | undefined) ?? 'filter'
}
