// expect: TS2322 Type 'Promise<void>' is not assignable to type 'undefined'
import { defineStage } from '../../../core/index.ts'
import { lookUp } from '../acme.ts'

export default defineStage({
  name: 'acme-late',
  // wrong: the head is on the wire before this settles, and its rejection is nobody's
  setup: () => () => ({
    run: (x) => x.proceed(),
    async response(_x, head) {
      head.headers.set('x-acme-tenant', (await lookUp('a')).id)
    },
  }),
})
