import type { ErrorCode } from '../errors.ts'
import { MAX_TARGET } from './inbound.ts'

/** What node:http says of bytes it could not read. */
export interface Unreadable {
  readonly code?: string | undefined
  /** The piece it was reading. */
  readonly rawPacket?: Uint8Array | undefined
}

const codes: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

const NEWLINE = 0x0a

/** The code to answer with; undefined where the socket failed, and nobody is left to answer. */
export function unreadableCode({ code = '', rawPacket }: Unreadable): ErrorCode | undefined {
  if (/^E(?!RR_)/.test(code)) return undefined
  const known = codes[code] ?? 'BAD_REQUEST'
  return known === 'HEADERS_TOO_LARGE' && isRequestLine(rawPacket) ? 'TARGET_TOO_LONG' : known
}

/** The limit was met before the first line ended: what is too long is the target. */
function isRequestLine(packet: Uint8Array | undefined): boolean {
  if (!packet || !/^[A-Z]+ \//.test(String.fromCharCode(...packet.subarray(0, 16)))) return false
  const end = packet.indexOf(NEWLINE)
  return end === -1 || end > MAX_TARGET
}
