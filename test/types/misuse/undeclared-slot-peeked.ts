// expect: TS2345 '"token"' is not assignable to parameter of type '"route"'
import { defineStage } from '../../../core/index.ts'
import '../../../plugins/lib/upstream/upstream.ts'

export default defineStage({
  name: 'acme-peeker',
  role: 'observer',
  wants: ['route'],
  setup: () => ({
    settled(x) {
      // wrong: neither `needs` nor `wants` names token
      x.peek('token')
    },
  }),
})
