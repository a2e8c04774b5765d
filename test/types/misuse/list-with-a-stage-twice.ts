// expect: TS2322 Misplaced<"stage header-inject is listed twice; remove one">
import { createBascule } from '../../../core/index.ts'
import { forward, headerInject, routeMatch } from '../../../plugins/index.ts'

createBascule({
  routes: [],
  stages: [
    routeMatch,
    headerInject,
    // wrong: the request is made
    headerInject,
    forward,
  ],
})
