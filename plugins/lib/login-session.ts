// What a completed login leaves behind: the session's data.
import { now } from './clock.ts'
import type { Flow } from './flows.ts'
import type { CodeAnswer } from './idp.ts'
import type { SessionData } from './session.ts'

/** Who somebody is, as the OpenID standard claims say it (OIDC Core 5.1): what the browser may see, and nothing of the protocol. */
const identityClaims = [
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'picture', 'profile'],
  ...['email', 'email_verified', 'locale', 'zoneinfo', 'updated_at'],
]

export interface Granted {
  readonly answer: CodeAnswer
  readonly flow: Flow
  /** What was asked for, where the answer does not say what was granted (RFC 6749 section 5.1). */
  readonly scope: string
  readonly origin: string
  /** All that a login asks for; what the flow's last round left out was refused. */
  readonly wanted: readonly string[]
  /** Milliseconds. */
  readonly absoluteTimeout: number
}

export function sessionData({ answer, flow, scope, origin, wanted, absoluteTimeout }: Granted): SessionData {
  const { claims } = answer
  const at = now()
  const user = identityClaims.flatMap((name) => (claims[name] === undefined ? [] : [[name, claims[name]] as const]))
  return {
    v: 1,
    issuer: answer.issuer,
    origin,
    sub: claims.sub,
    ...(typeof claims.sid === 'string' ? { sid: claims.sid } : {}),
    provider: new URL(answer.issuer).hostname,
    user: { ...Object.fromEntries(user), sub: claims.sub },
    authTime: typeof claims.auth_time === 'number' ? Math.min(claims.auth_time * 1000, at) : at,
    createdAt: at,
    endsAt: at + absoluteTimeout,
    idToken: answer.idToken,
    ...(answer.refreshToken === undefined ? {} : { refreshToken: answer.refreshToken }),
    access: { token: answer.accessToken, expiresAt: answer.expiresAt },
    grantedScopes: answer.scope ?? scope,
    grantedResources: flow.resources,
    refusedResources: wanted.filter((resource) => !flow.resources.includes(resource)),
    services: {},
  }
}
