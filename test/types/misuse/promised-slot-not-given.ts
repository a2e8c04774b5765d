// expect: TS2554 Expected 1 arguments, but got 0
import { defineStage } from '../../../core/index.ts'
import '../acme.ts'

export default defineStage({
  name: 'acme-forgetful',
  provides: ['acme/tenant'],
  setup: () => () => ({
    run(x) {
      // wrong: `provides` promises acme/tenant
      return x.proceed()
    },
  }),
})
