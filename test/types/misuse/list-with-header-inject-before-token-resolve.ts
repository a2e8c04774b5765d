// expect: TS2322 Misplaced<"stage header-inject wants the slot token, but token-resolve, which provides it, stands after it; move token-resolve before header-inject">
import { createBascule } from '../../../core/index.ts'
import { forward, headerInject, routeMatch, sessionAuth, tokenResolve } from '../../../plugins/index.ts'

createBascule({
  routes: [],
  stages: [
    routeMatch,
    sessionAuth,
    // wrong: it would send session routes without their token
    headerInject,
    tokenResolve,
    forward,
  ],
})
