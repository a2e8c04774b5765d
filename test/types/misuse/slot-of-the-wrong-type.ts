// expect: TS2322 Type 'number' is not assignable to type 'string'
import { defineStage } from '../../../core/index.ts'
import '../acme.ts'

export default defineStage({
  name: 'acme-mistyped',
  provides: ['acme/tenant'],
  setup: () => () => ({
    run(x) {
      // wrong: a tenant's id is text
      return x.proceed({ 'acme/tenant': { id: 7 } })
    },
  }),
})
