// expect: TS2322 Misplaced<"stage session-auth stands before route-match, which gives the slot route; move route-match to the front">
import { createBascule } from '../../../core/index.ts'
import '../../../plugins/index.ts'

createBascule({
  routes: [],
  // wrong: there is no route yet
  stages: ['session-auth', 'route-match', 'token-resolve', 'header-inject', 'forward'],
})
