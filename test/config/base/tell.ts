import type { Kit } from '../../../core/index.ts'

/** An observer, so that no case is told that nothing is logged. */
export default ({ defineStage }: Kit) => defineStage({ name: 'tell', role: 'observer', setup: () => ({}) })
