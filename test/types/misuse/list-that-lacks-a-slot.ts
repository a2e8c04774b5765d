// expect: TS2322 Misplaced<"stage token-resolve needs the slot session, and no stage of this list provides it; add one before token-resolve">
import { createBascule } from '../../../core/index.ts'
import { forward, headerInject, routeMatch, tokenResolve } from '../../../plugins/index.ts'

createBascule({
  routes: [],
  stages: [
    routeMatch,
    // wrong: nobody gives the session
    { use: tokenResolve },
    headerInject,
    forward,
  ],
})
