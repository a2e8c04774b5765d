// The stages of the default profile for those who compose in TypeScript (docs/embed.md). Config names them instead.
import forward from './forward.ts'
import headerInject from './header-inject.ts'
import log from './log.ts'
import routeMatch from './route-match.ts'
import sessionAuth from './session-auth.ts'
import tokenResolve from './token-resolve.ts'

declare module '../core/embed/stage-list.ts' {
  interface StageNames {
    'route-match': typeof routeMatch
    'session-auth': typeof sessionAuth
    'token-resolve': typeof tokenResolve
    'header-inject': typeof headerInject
    forward: typeof forward
    log: typeof log
  }
}

export { forward, headerInject, log, routeMatch, sessionAuth, tokenResolve }
