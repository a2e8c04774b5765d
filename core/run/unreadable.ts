import { Buffer } from 'node:buffer'
import { METHODS } from 'node:http'
import type { ErrorCode } from '../errors.ts'
import type { Limits } from './limits.ts'

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
export function unreadableCode({ code = '', rawPacket }: Unreadable, limits: Limits): ErrorCode | undefined {
  if (/^E(?!RR_)/.test(code)) return undefined
  const known = codes[code]
  if (known === 'HEADERS_TOO_LARGE') return isLongLine(rawPacket, limits) ? 'TARGET_TOO_LONG' : known
  return known ?? (isOtherMethod(rawPacket) ? 'NOT_IMPLEMENTED' : 'BAD_REQUEST')
}

/** The limit was met before the first line ended: what is too long is the target. */
function isLongLine(packet: Uint8Array | undefined, { target, headers }: Limits): boolean {
  if (!packet || !/^[A-Z]+ \//.test(textOf(packet, 16))) return false
  const end = packet.indexOf(NEWLINE)
  return end === -1 || end > Math.min(target, headers)
}

const parsed: ReadonlySet<string> = new Set(METHODS)

/** A request line in order but for a method that the parser does not know (RFC 9110 §9.1). Not every runtime says so in its code. */
function isOtherMethod(packet: Uint8Array | undefined): boolean {
  const [, method] = /^([!#$%&'*+\-.^_`|~\w]+) [/*][!-~]* HTTP\/1\.[01]\r\n/.exec(textOf(packet, 4096)) ?? []
  return method !== undefined && !parsed.has(method)
}

function textOf(packet: Uint8Array | undefined, most: number): string {
  return packet ? Buffer.from(packet.buffer, packet.byteOffset, Math.min(packet.length, most)).toString('latin1') : ''
}
