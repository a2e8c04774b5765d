// What a completed login leaves behind: the session's data.

import type { CodeAnswer } from '../idp/idp.ts'
import type { BoundClient } from '../session/client-binding.ts'
import type { SessionData } from '../session/session.ts'
import { userClaims } from '../session/user-claims.ts'
import { now } from '../util/clock.ts'
import { sha256 } from '../util/random-id.ts'
import type { Flow } from './flows.ts'

interface Granted {
  readonly answer: CodeAnswer
  readonly flow: Flow
  /** Of the browser. */
  readonly handle: string
  /** What was asked for, where the answer does not say what was granted (RFC 6749 section 5.1). */
  readonly scope: string
  /** All that a login asks for; what the flow's last round left out was refused. */
  readonly wanted: readonly string[]
  /** Milliseconds. */
  readonly absoluteTimeout: number
  readonly client?: BoundClient | undefined
}

export function sessionData(granted: Granted): SessionData {
  const { answer, flow, handle, scope, wanted, absoluteTimeout, client } = granted
  const { claims } = answer
  const at = now()
  return {
    v: 1,
    issuer: answer.issuer,
    origin: flow.origin,
    sub: claims.sub,
    ...(typeof claims.sid === 'string' ? { sid: claims.sid } : {}),
    provider: new URL(answer.issuer).hostname,
    user: userClaims({ ...answer.userinfo, ...claims }, claims.sub),
    browser: sha256(handle),
    authTime: typeof claims.auth_time === 'number' ? Math.min(claims.auth_time * 1000, at) : at,
    createdAt: at,
    endsAt: at + absoluteTimeout,
    idToken: answer.idToken,
    ...(answer.refreshToken === undefined ? {} : { refreshToken: answer.refreshToken }),
    ...(answer.refreshLife === undefined
      ? {}
      : { refreshLife: answer.refreshLife, refreshUntil: at + answer.refreshLife }),
    ...(client === undefined ? {} : { client }),
    access: { token: answer.accessToken, expiresAt: answer.expiresAt },
    ...(flow.dpop === undefined ? {} : { dpop: flow.dpop }),
    grantedScopes: answer.scope ?? scope,
    grantedResources: flow.resources,
    refusedResources: wanted.filter((resource) => !flow.resources.includes(resource)),
    services: {},
  }
}
