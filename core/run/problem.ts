import type { RawHeaders } from '../contract.ts'
import { titleOf } from '../errors.ts'
import { firstValue } from './raw-headers.ts'

interface ProblemFields {
  readonly status: number
  readonly code: string
  readonly correlationId: string
  readonly detail?: string | undefined
  readonly reason?: string | undefined
  readonly route?: string | undefined
  readonly service?: string | undefined
  readonly members?: Readonly<Record<string, unknown>> | undefined
}

/** RFC 9457. `undefined` members are left out by JSON itself. */
export function problemBody(p: ProblemFields): string {
  const title = titleOf(p.code)
  return `${JSON.stringify({
    type: `urn:bascule:error:${p.code}`,
    title,
    status: p.status,
    detail: p.detail ?? title,
    code: p.code,
    route: p.route,
    service: p.service,
    reason: p.reason,
    correlation_id: p.correlationId,
    ...p.members,
  })}\n`
}

/** Fields of every problem answer. A 401 must carry a challenge (RFC 9110 §15.5.2); `Session` is a scheme no browser opens a dialog for. */
export function problemHeaders(
  status: number,
  correlationId: string,
  retryAfter?: number,
  own: RawHeaders = [],
): RawHeaders {
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
    'X-Correlation-ID',
    correlationId,
  ]
  if (status === 401 && firstValue(own, 'www-authenticate') === undefined) headers.push('WWW-Authenticate', 'Session')
  if (retryAfter !== undefined) headers.push('Retry-After', String(Math.max(1, Math.ceil(retryAfter))))
  return headers
}
