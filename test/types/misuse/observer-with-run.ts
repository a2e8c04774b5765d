// expect: TS2322 is not assignable to type 'undefined'
import { defineStage, type Exchange } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-watcher',
  role: 'observer',
  setup: () => ({
    // wrong: observers decide nothing
    run: (x: Exchange) => x.proceed(),
  }),
})
