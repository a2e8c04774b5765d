import { type Fault, fault, isFault } from '../../../core/index.ts'

/** Of a stream of HTTP/2: the upstream has not begun with the request (RFC 9113 §8.7); what it sent was no HTTP. */
export const REFUSED = 'UPSTREAM_REFUSED'
export const MALFORMED = 'UPSTREAM_MALFORMED'

const timeouts: ReadonlySet<unknown> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
])

/** The upstream spoke, and not HTTP as we may pass it on. */
const protocol: ReadonlySet<unknown> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  MALFORMED,
])

/** What undici refuses to send: the request was made wrongly here. */
const ours: ReadonlySet<unknown> = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])

/** What went wrong with an attempt, by the error's code. The address stays in the cause, for the log; the detail is for the client. */
export function upstreamFault(error: Error): Fault {
  if (isFault(error)) return error // the client's body broke off, or we said why ourselves
  const { code } = error as { readonly code?: unknown }
  if (timeouts.has(code)) return fault('UPSTREAM_TIMEOUT', 'the service did not answer in time', error)
  if (protocol.has(code) || isMalformed(error)) {
    return fault('UPSTREAM_PROTOCOL_ERROR', undefined, error)
  }
  if (ours.has(code)) return fault('INTERNAL', undefined, error)
  return fault('UPSTREAM_UNREACHABLE', undefined, error)
}

/** Malformed, an interim answer nobody asked for (100, 101), or bytes after an answer: undici has no code of its own for them. */
function isMalformed({ name, message }: Error): boolean {
  return name === 'HTTPParserError' || message === 'bad response' || message === 'bad upgrade'
}
