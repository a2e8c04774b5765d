// expect: TS2322 Misplaced<"stage session-auth stands before route-match, which gives the slot route; move route-match to the front">
import { createBascule } from '../../../core/index.ts'
import { forward, headerInject, routeMatch, sessionAuth, tokenResolve } from '../../../plugins/index.ts'

createBascule({
  routes: [],
  stages: [
    // wrong: there is no route yet
    sessionAuth,
    routeMatch,
    tokenResolve,
    headerInject,
    forward,
  ],
})
