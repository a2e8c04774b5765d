// expect: TS2820 Did you mean '"session"'?
import { defineStage } from '../../../core/index.ts'
import '../../../plugins/lib/session/session.ts'

export default defineStage({
  name: 'acme-typo',
  // wrong: no such slot
  needs: ['sesion'],
  setup: () => () => ({ run: (x) => x.proceed() }),
})
