import { Buffer } from 'node:buffer'
import type { Dispatcher } from 'undici'
import type { WireFields } from '../http/response-headers.ts'

/** The fields of an answer as undici read them off the wire. */
export function rawFields({ rawHeaders }: Dispatcher.DispatchController): WireFields {
  return (rawHeaders ?? []) as WireFields
}

/** The first field of this name, which is in lower case. */
export function fieldOf(fields: WireFields, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2)
    if (String(fields[i]).toLowerCase() === name) return Buffer.from(fields[i + 1] ?? '').toString('latin1')
  return undefined
}

/** A reason phrase with control bytes would throw, or split the answer (RFC 9112 §4). */
export function printable(reason: string): string {
  return /^[\x20-\x7e]{1,128}$/.test(reason) ? reason : reason.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 128)
}
