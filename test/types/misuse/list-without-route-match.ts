// expect: TS2322 Misplaced<"stage session-auth stands in a list without a router: nothing gives the slot route; put route-match first">
import { createBascule } from '../../../core/index.ts'
import { forward, headerInject, sessionAuth, tokenResolve } from '../../../plugins/index.ts'

createBascule({
  routes: [],
  stages: [
    // wrong: nobody finds the route
    sessionAuth,
    tokenResolve,
    headerInject,
    forward,
  ],
})
