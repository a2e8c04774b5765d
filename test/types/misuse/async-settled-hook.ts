// expect: TS2322 Type 'Promise<void>' is not assignable to type 'undefined'
import { defineStage } from '../../../core/index.ts'
import { lookUp } from '../acme.ts'

export default defineStage({
  name: 'acme-audit',
  role: 'observer',
  setup: () => ({
    // wrong: work that outlives the request goes through host.background
    async settled() {
      await lookUp('a')
    },
  }),
})
