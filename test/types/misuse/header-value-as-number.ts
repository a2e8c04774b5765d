// expect: TS2345 Argument of type 'number' is not assignable to parameter of type 'string'
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-number',
  setup: () => () => ({
    run: (x) => x.proceed(),
    response(_x, head) {
      // wrong: header values are text
      head.headers.set('x-acme-count', 7)
    },
  }),
})
