// expect: TS2540 Cannot assign to 'auth' because it is a read-only property
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-edit',
  needs: ['route'],
  setup: () => () => ({
    run(x) {
      // wrong: a route is frozen; a stage that could change it would change it for everybody
      x.get('route').auth = 'none'
      return x.proceed()
    },
  }),
})
