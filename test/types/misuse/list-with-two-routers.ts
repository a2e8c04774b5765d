// expect: TS2322 Misplaced<"stage acme-router is a second router beside route-match; a list has one: remove either">
import { createBascule, defineStage } from '../../../core/index.ts'
import { forward, headerInject, routeMatch } from '../../../plugins/index.ts'

const router = defineStage({
  name: 'acme-router',
  role: 'router',
  setup: () => ({ run: (x) => x.reply(404, 'ROUTE_NOT_FOUND') }),
})

createBascule({
  routes: [],
  stages: [
    routeMatch,
    // wrong: the route is found
    router,
    headerInject,
    forward,
  ],
})
