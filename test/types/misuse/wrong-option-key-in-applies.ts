// expect: TS2551 Did you mean 'header'?
import { defineStage } from '../../../core/index.ts'
import { tenantOptions } from '../acme.ts'

export default defineStage({
  name: 'acme-requires',
  options: tenantOptions,
  // wrong: the schema's key is header
  applies: (_route, options) => options.heder !== '',
  setup: () => () => ({ run: (x) => x.proceed() }),
})
