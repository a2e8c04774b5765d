// expect: TS2322 Type 'boolean' is not assignable
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-truthy',
  // wrong: a verdict is said on the exchange, never a boolean
  setup: () => () => ({
    run: (x) => x.header('x-acme') !== undefined,
  }),
})
