// expect: TS2322 Misplaced<"the list has no terminal stage: nothing answers; add forward at the end">
import { createBascule } from '../../../core/index.ts'
import { headerInject, routeMatch } from '../../../plugins/index.ts'

createBascule({
  routes: [],
  // wrong: nothing answers
  stages: [routeMatch, headerInject],
})
