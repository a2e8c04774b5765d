import type { RawHeaders } from '../contract.ts'

/** Whether `name`, in whatever case, is `lower`. Length and first letter first: nearly every comparison ends there. */
export function sameName(name: string, lower: string): boolean {
  if (name.length !== lower.length || (name.charCodeAt(0) | 0x20) !== (lower.charCodeAt(0) | 0x20)) return false
  return name === lower || name.toLowerCase() === lower
}

export function firstValue(raw: RawHeaders, lower: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    if (sameName(raw[i]!, lower)) return raw[i + 1]
  }
  return undefined
}

export function allValues(raw: RawHeaders, lower: string): string[] {
  const values: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    if (sameName(raw[i]!, lower)) values.push(raw[i + 1]!)
  }
  return values
}

/** Removes every field of that name, in place. */
export function removeAll(raw: RawHeaders, lower: string): void {
  let kept = 0
  for (let i = 0; i < raw.length; i += 2) {
    if (sameName(raw[i]!, lower)) continue
    raw[kept] = raw[i]!
    raw[kept + 1] = raw[i + 1]!
    kept += 2
  }
  raw.length = kept
}

/** Fields that belong to one connection and never cross it (RFC 9110 §7.6.1), and those that core alone writes. */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export function isHopByHop(lower: string): boolean {
  return framing.has(lower)
}

/** Response hooks may not touch these: a body that disagrees with its framing desyncs the connection. */
export function isFraming(lower: string): boolean {
  return lower === 'content-length' || framing.has(lower)
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** A field name and value that can be written as they are: no CR, LF, NUL or other control byte (RFC 9110 §5.5). */
export function isWritableField(name: string, value: string): boolean {
  return typeof value === 'string' && token.test(name) && isWritableValue(value)
}

export function isWritableValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false
  }
  return true
}
