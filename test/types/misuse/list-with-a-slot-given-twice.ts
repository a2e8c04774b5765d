// expect: TS2322 Misplaced<"stage acme-session provides the slot session, which a stage before it provides already">
import { createBascule, defineStage } from '../../../core/index.ts'
import { forward, headerInject, routeMatch, sessionAuth, tokenResolve } from '../../../plugins/index.ts'

const own = defineStage({
  name: 'acme-session',
  provides: ['session'],
  setup: () => () => ({ run: (x) => x.reply(401, 'SESSION_REQUIRED') }),
})

createBascule({
  routes: [],
  stages: [
    routeMatch,
    sessionAuth,
    // wrong: there is a session
    own,
    tokenResolve,
    headerInject,
    forward,
  ],
})
