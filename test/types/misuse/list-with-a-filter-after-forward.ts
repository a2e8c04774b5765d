// expect: TS2322 Misplaced<"stage acme-late stands after the terminal stage forward and would never run; move it before forward">
import { createBascule, defineStage } from '../../../core/index.ts'
import { forward, headerInject, routeMatch } from '../../../plugins/index.ts'

const late = defineStage({ name: 'acme-late', setup: () => () => ({ run: (x) => x.proceed() }) })

createBascule({
  routes: [],
  stages: [
    routeMatch,
    headerInject,
    forward,
    // wrong: forward has answered
    late,
  ],
})
