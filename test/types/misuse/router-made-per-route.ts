// expect: TS2322 (route: Route) => { run:
import { defineStage, type Exchange, type Route } from '../../../core/index.ts'

export default defineStage({
  name: 'acme-router',
  role: 'router',
  provides: ['route'],
  // wrong: a router runs before there is a route
  setup: () => (route: Route) => ({ run: (x: Exchange<never, never, 'route'>) => x.proceed({ route }) }),
})
