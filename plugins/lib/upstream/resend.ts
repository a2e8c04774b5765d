import { Readable } from 'node:stream'
import { REFUSED } from './upstream-fault.ts'
import { RESET } from './upstream-socket.ts'

/** RFC 9110 §9.2.2. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
/** The connection broke; nothing was said on it that would make another attempt unwelcome. */
const broken: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', RESET, 'EPIPE'])

type Body = Readable | Uint8Array | null

export function isIdempotent(method: string): boolean {
  return idempotent.has(method)
}

/**
 * Whether a request whose attempt failed with `error`, before a byte of an answer, may be sent once more: only what was never sent, or what
 * may be done twice. `begun`: undici had begun to send it.
 */
export function mayResend(error: Error, method: string, body: Body, begun: boolean): boolean {
  const { code } = error as { readonly code?: unknown }
  const unsent = !begun || ((code === 'EPIPE' || code === REFUSED) && body === null)
  if (unsent) return !(body instanceof Readable && body.destroyed)
  return !(body instanceof Readable) && idempotent.has(method) && broken.has(code)
}
