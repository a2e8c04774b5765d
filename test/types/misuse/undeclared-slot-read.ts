// expect: TS2345 '"token"' is not assignable to parameter of type '"route"'
import { defineStage } from '../../../core/index.ts'
import '../../../plugins/lib/upstream/upstream.ts'

export default defineStage({
  name: 'acme-reader',
  needs: ['route'],
  setup: () => () => ({
    run(x) {
      // wrong: `needs` does not name token
      x.get('token')
      return x.proceed()
    },
  }),
})
