// expect: TS2322 Misplaced<"stage forward needs the slot upstream, but header-inject, which provides it, stands after it; move header-inject before forward">
import { createBascule } from '../../../core/index.ts'
import { forward, headerInject, routeMatch, sessionAuth, tokenResolve } from '../../../plugins/index.ts'

createBascule({
  routes: [],
  stages: [
    routeMatch,
    sessionAuth,
    tokenResolve,
    // wrong: nothing has made the request to send
    forward,
    headerInject,
  ],
})
