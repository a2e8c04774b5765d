// What of a head may be written as it is. Not every runtime refuses control bytes in raw headers: so all checking is ours.
import type { RawHeaders } from '../contract.ts'
import { fault } from '../errors.ts'
import { isFraming, isHopByHop, isWritableField, removeAll, sameName } from './raw-headers.ts'

/** A copy without what belongs to one connection, or cannot be written; core writes its own framing, and says its own id. */
export function endToEnd(headers: RawHeaders): RawHeaders {
  const kept: RawHeaders = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    const lower = name.toLowerCase()
    if (isHopByHop(lower) || lower === CORRELATION || !isWritableField(name, value)) continue
    kept.push(name, value)
  }
  return kept
}

const CORRELATION = 'x-correlation-id'

/** Every answer names its request, as the log line does; one that was there was somebody else's word. */
export function nameAnswer(headers: RawHeaders, id: string): void {
  removeAll(headers, CORRELATION)
  headers.push('X-Correlation-ID', id)
}

export function assertStatus(status: number): void {
  if (Number.isInteger(status) && status >= 200 && status <= 999) return
  throw fault('INTERNAL', `${status} is no status of a final answer`)
}

/** Throws where a stage's own words could not be sent as they are, or would disagree with the framing. `length`: what Content-Length must say. */
export function assertSendable(status: number, headers: RawHeaders, length?: string): void {
  assertStatus(status)
  if (headers.length % 2 !== 0) throw fault('INTERNAL', 'a header has a name and no value')
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (!isWritableField(name, value)) throw fault('INTERNAL', `the header ${name} has a value that cannot be sent`)
    const lower = name.toLowerCase()
    if (isFraming(lower) && !(lower === 'content-length' && value === length)) {
      throw fault('INTERNAL', `a stage may not set ${name}: framing is the host's`)
    }
  }
}

/** What Content-Length promises; undefined without one, NaN where it is no one number. */
export function promisedLength(headers: RawHeaders): number | undefined {
  let length: number | undefined
  for (let i = 0; i < headers.length; i += 2) {
    if (!sameName(headers[i]!, 'content-length')) continue
    length = length === undefined && /^\d{1,15}$/.test(headers[i + 1]!) ? Number(headers[i + 1]!) : Number.NaN
  }
  return length
}

export function pairs(headers: RawHeaders): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) list.push([headers[i]!, headers[i + 1]!])
  return list
}

/** Of an interim answer only its links go on. */
export function earlyHints(headers: RawHeaders): Record<string, string[]> {
  const link: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() === 'link' && isWritableField('link', headers[i + 1]!)) link.push(headers[i + 1]!)
  }
  return link.length === 0 ? {} : { link }
}
