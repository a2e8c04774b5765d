// expect: TS2345 '"session"' is not assignable to parameter of type '"route"'
import { defineStage } from '../../../core/index.ts'
import '../../../plugins/lib/session/session.ts'

export default defineStage({
  name: 'acme-optimist',
  needs: ['route'],
  wants: ['session'],
  setup: () => () => ({
    run(x) {
      // wrong: a wanted slot may be absent; peek says so
      x.get('session')
      return x.proceed()
    },
  }),
})
