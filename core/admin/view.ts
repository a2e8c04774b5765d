import type { Generations } from '../generation/generations.ts'

/** What the admin listener may see of a bridge. */
export interface AdminView {
  /** False: starting, or shutting down. */
  ready(): boolean
  /** Undefined: not started yet. */
  generations(): Generations | undefined
}
