// expect: TS2322 is not assignable
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-once',
  // wrong: a filter is a function of its route
  setup: () => ({
    response: () => undefined,
  }),
})
