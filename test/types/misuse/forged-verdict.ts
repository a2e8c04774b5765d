// expect: TS2322 is not assignable
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-forger',
  // wrong: verdicts are made by the exchange only
  setup: () => () => ({
    run: () => ({ verdict: 'proceed' }),
  }),
})
