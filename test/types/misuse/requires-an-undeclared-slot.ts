// expect: TS2322 Type '"token"' is not assignable to type '"session"'
import { defineStage } from '../../../core/index.ts'
import '../../../plugins/lib/upstream/upstream.ts'
import '../../../plugins/lib/session/session.ts'

export default defineStage({
  name: 'acme-demanding',
  wants: ['session'],
  // wrong: what may be required must be wanted
  requires: () => ['token'],
  setup: () => () => ({ run: (x) => x.proceed() }),
})
