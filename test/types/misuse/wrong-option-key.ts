// expect: TS2551 Did you mean 'header'?
import { defineStage } from '../../../core/index.ts'
import { tenantOptions } from '../acme.ts'

export default defineStage({
  name: 'acme-options',
  options: tenantOptions,
  setup: (host) => () => ({
    // wrong: the schema's key is header
    run: (x) => x.reply(200, 'OK', { body: host.options.headr }),
  }),
})
