import type { IncomingMessage } from 'node:http'
import type { JWTPayload } from 'jose'

/** What a service saw of one request: shown on the sample page, so that a newcomer sees what crossed the bridge. */
export interface Seen {
  readonly verified: {
    readonly aud: JWTPayload['aud']
    readonly sub: string | undefined
    readonly iss: string | undefined
    readonly scope: unknown
    readonly expires_in: number
  }
  readonly received: Readonly<Record<string, string>>
}

export function seen(req: IncomingMessage, claims: JWTPayload): Seen {
  const header = (name: string) => String(req.headers[name] ?? 'absent')
  const { aud, sub, iss, scope, exp = 0 } = claims
  return {
    verified: { aud, sub, iss, scope, expires_in: Math.max(0, Math.round(exp - Date.now() / 1000)) },
    received: {
      host: header('host'),
      x_original_user: header('x-original-user'),
      x_correlation_id: header('x-correlation-id'),
      traceparent: header('traceparent'),
      forwarded: header('forwarded'),
      via: header('via'),
      cookie: header('cookie') === 'absent' ? 'absent' : 'PRESENT: it must never get here',
    },
  }
}
