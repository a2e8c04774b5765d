// expect: TS2322 Type 'Stream' is not assignable
import { defineStage, type Source } from '../../../core/index.ts'

declare const source: Source

export default defineStage({
  name: 'acme-cache',
  // wrong: only a terminal stage answers with a source
  setup: () => () => ({
    run: (x) => x.stream(source),
  }),
})
