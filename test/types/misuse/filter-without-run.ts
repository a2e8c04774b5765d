// expect: TS2322 Property 'run' is missing
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-late',
  // wrong: a filter judges each request of its routes; hooks alone are an observer's
  setup: () => () => ({
    response(_x, head) {
      head.headers.set('x-acme', 'late')
    },
  }),
})
