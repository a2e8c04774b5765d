import type { Fault } from './contract.ts'

/** Every code of ours: status, side, title (docs/errors.md says more of each; a test holds the two equal). */
const table = {
  BAD_TARGET: [400, 'client', 'The request target is not allowed'],
  BAD_REQUEST: [400, 'client', 'The request cannot be read'],
  LOGIN_FAILED: [400, 'client', 'The login did not succeed'],
  SESSION_REQUIRED: [401, 'client', 'A session is required'],
  NO_TOKEN_AVAILABLE: [401, 'client', 'No access token for this service'],
  AUDIENCE_MISMATCH: [401, 'client', 'The access token is not for this service'],
  TOKEN_REQUIRED: [401, 'client', 'An access token is required'],
  INVALID_TOKEN: [401, 'client', 'The access token is not good here'],
  INSUFFICIENT_SCOPE: [403, 'client', 'The access token does not allow this'],
  CSRF_REJECTED: [403, 'client', 'The request came from another site'],
  FORBIDDEN: [403, 'client', 'Not allowed'],
  ROUTE_NOT_FOUND: [404, 'client', 'No route for this path'],
  METHOD_NOT_ALLOWED: [405, 'client', 'Method not allowed'],
  REQUEST_TIMEOUT: [408, 'client', 'The request took too long to arrive'],
  BODY_TOO_LARGE: [413, 'client', 'The body is too large'],
  TARGET_TOO_LONG: [414, 'client', 'The request target is too long'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'client', 'The content type is not taken here'],
  EXPECTATION_FAILED: [417, 'client', 'This expectation cannot be met'],
  RATE_LIMITED: [429, 'client', 'Too many requests'],
  HEADERS_TOO_LARGE: [431, 'client', 'The request headers are too large'],
  CLIENT_CLOSED: [499, 'client', 'The client closed the connection'],
  INTERNAL: [500, 'host', 'Internal error'],
  NOT_IMPLEMENTED: [501, 'client', 'Not implemented'],
  UPSTREAM_UNREACHABLE: [502, 'upstream', 'The service cannot be reached'],
  UPSTREAM_PROTOCOL_ERROR: [502, 'upstream', 'The service sent an answer that cannot be used'],
  UPSTREAM_TIMEOUT: [504, 'upstream', 'The service took too long'],
  IDP_UNAVAILABLE: [503, 'host', 'The identity provider is not available'],
  STORE_UNAVAILABLE: [503, 'host', 'The session store is not available'],
  PDP_UNAVAILABLE: [503, 'host', 'The decision point is not available'],
  OVERLOADED: [503, 'host', 'Too busy'],
  DRAINING: [503, 'host', 'Shutting down'],
} as const satisfies Record<string, readonly [number, Fault['side'], string]>

/** A code of Bascule's own. Stages may answer with others; docs/errors.md says what each of these means. */
export type ErrorCode = keyof typeof table
/** All of them, in the order of docs/errors.md. */
export const errorCodes = Object.keys(table) as readonly ErrorCode[]

/** The HTTP status that a code is answered with. */
export function statusOf(code: ErrorCode): number {
  return table[code][0]
}

/** The title of one of our codes, or a sentence from the code of somebody else's. */
export function titleOf(code: string): string {
  if (Object.hasOwn(table, code)) return table[code as ErrorCode][2]
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const brand = Symbol.for('bascule.fault')

/** A failure with a code. `detail` may be shown to the client: no secret, no internal address; the `cause` is for the log. */
export function fault(code: ErrorCode, detail?: string, cause?: unknown): Fault {
  const [status, side, title] = table[code]
  const error = new Error(detail ?? title, cause === undefined ? undefined : { cause })
  return Object.assign(error, { name: 'Fault', code, status, side, [brand]: true })
}

/** Compared by brand, not by class: a packaged plugin may hold another copy of this file. */
export function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && brand in value
}
