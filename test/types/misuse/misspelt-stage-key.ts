// expect: TS2561 Did you mean to write 'needs'?
import { defineStage } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-key',
  // wrong: the key is needs
  need: ['route'],
  setup: () => () => ({ run: (x) => x.proceed() }),
})
