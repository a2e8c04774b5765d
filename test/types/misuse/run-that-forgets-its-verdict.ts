// expect: TS2322 Type 'Reply | undefined' is not assignable
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-silent',
  // wrong: one way through returns nothing
  setup: () => () => ({
    run(x) {
      if (x.header('x-acme') === undefined) return x.reply(403, 'FORBIDDEN')
    },
  }),
})
