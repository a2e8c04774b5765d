// expect: TS2322 Type 'Proceed' is not assignable
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-last',
  role: 'terminal',
  // wrong: nothing comes after a terminal
  setup: () => () => ({
    run: (x) => x.proceed(),
  }),
})
