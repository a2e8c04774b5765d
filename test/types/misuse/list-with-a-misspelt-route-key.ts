// expect: TS2561 'target_servce' does not exist in type 'RouteData'
import { createBascule } from '../../../core/index.ts'
import { forward, headerInject, routeMatch } from '../../../plugins/index.ts'

createBascule({
  stages: [routeMatch, headerInject, forward],
  // wrong: a key that nothing reads
  routes: [{ id: 'a', path: '/a', preserve_path: true, target_servce: 'a' }],
})
