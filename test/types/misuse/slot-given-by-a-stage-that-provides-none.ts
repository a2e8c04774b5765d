// expect: TS2554 Expected 0 arguments, but got 1
import { defineStage } from '../../../core/index.ts'
import '../acme.ts'

export default defineStage({
  name: 'acme-generous',
  setup: () => () => ({
    run(x) {
      // wrong: without `provides`, proceed takes nothing
      return x.proceed({ 'acme/tenant': { id: 'a' } })
    },
  }),
})
