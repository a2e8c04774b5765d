// expect: TS2345 is not assignable to parameter of type
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-header',
  setup: () => () => ({
    // wrong: names are looked up in lower case, this one is never found
    run: (x) => (x.header('X-Acme') ? x.proceed() : x.reply(403, 'FORBIDDEN')),
  }),
})
