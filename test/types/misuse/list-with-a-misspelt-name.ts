// expect: TS2820 Did you mean '"forward"'?
import { createBascule } from '../../../core/index.ts'
import '../../../plugins/index.ts'

createBascule({
  routes: [],
  // wrong: there is no stage foward
  stages: ['route-match', 'header-inject', 'foward'],
})
