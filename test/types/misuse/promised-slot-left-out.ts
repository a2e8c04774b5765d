// expect: TS2345 Property '"acme/tenant"' is missing
import { defineStage } from '../../../core/index.ts'
import '../acme.ts'

export default defineStage({
  name: 'acme-half',
  role: 'router',
  provides: ['route', 'acme/tenant'],
  setup: (host) => ({
    run(x) {
      const route = host.routes[0]
      if (!route) return x.reply(404, 'ROUTE_NOT_FOUND')
      // wrong: of two promised slots one is given
      return x.proceed({ route })
    },
  }),
})
