// expect: TS2353 'session' does not exist in type
import { defineStage } from '../../../core/index.ts'
import type { Session } from '../../../plugins/lib/session/session.ts'
import '../acme.ts'

declare const session: Session

export default defineStage({
  name: 'acme-forger',
  provides: ['acme/tenant'],
  setup: () => () => ({
    run(x) {
      // wrong: nobody declared that this stage gives a session
      return x.proceed({ 'acme/tenant': { id: 'a' }, session })
    },
  }),
})
