// Stages for those who compose in TypeScript (docs/embed.md): the six of the default profile, and what stands beside them (docs/stages/).
// Config names them instead.
import bearerAuth from './bearer-auth.ts'
import cors from './cors.ts'
import forward from './forward.ts'
import headerInject from './header-inject.ts'
import log from './log.ts'
import rateLimit from './rate-limit.ts'
import requestLimits from './request-limits.ts'
import respond from './respond.ts'
import rewriteHeaders from './rewrite-headers.ts'
import routeMatch from './route-match.ts'
import securityHeaders from './security-headers.ts'
import sessionAuth from './session-auth.ts'
import tokenResolve from './token-resolve.ts'

declare module '../core/embed/stage-list.ts' {
  interface StageNames {
    'bearer-auth': typeof bearerAuth
    cors: typeof cors
    'rate-limit': typeof rateLimit
    'request-limits': typeof requestLimits
    respond: typeof respond
    'rewrite-headers': typeof rewriteHeaders
    'security-headers': typeof securityHeaders
    'route-match': typeof routeMatch
    'session-auth': typeof sessionAuth
    'token-resolve': typeof tokenResolve
    'header-inject': typeof headerInject
    forward: typeof forward
    log: typeof log
  }
}

// The types of what they hand on and read. Whoever imports one has the slots, sections and route keys that are merged in beside it:
// a compiler reads a file of types only if something of it is named.
export type { AuthzMapping } from './lib/authz/authz-map.ts'
export type { PdpSettings } from './lib/authz/authz-settings.ts'
export type { Bearer } from './lib/bearer/bearer.ts'
export type { BearerSettings } from './lib/bearer/bearer-settings.ts'
export type { CorsSettings } from './lib/http/cors-settings.ts'
export type { ClientAuthSettings } from './lib/idp/client-auth-settings.ts'
export type { RouteMatch } from './lib/routing/path-pattern.ts'
export type { Session } from './lib/session/session.ts'
export type { SessionStore } from './lib/session/session-store.ts'
export type { AuthSettings, SessionSettings } from './lib/settings/settings.ts'
export type { Minter } from './lib/token/minter.ts'
export type { Credential, UpstreamRequest } from './lib/upstream/upstream.ts'
export {
  bearerAuth,
  cors,
  forward,
  headerInject,
  log,
  rateLimit,
  requestLimits,
  respond,
  rewriteHeaders,
  routeMatch,
  securityHeaders,
  sessionAuth,
  tokenResolve,
}
