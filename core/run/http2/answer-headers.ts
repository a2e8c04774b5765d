import type { OutgoingHttpHeaders } from 'node:http2'
import type { RawHeaders } from '../../contract.ts'

/** Belongs to one connection of HTTP/1; in HTTP/2 it makes the message malformed (RFC 9113 §8.2.2). */
const never: ReadonlySet<string> = new Set(['connection', 'http2-settings'])

/** What node:http2 wants as one value, and throws at where it is two. */
const single: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
])

export function answerHeaders(status: number, raw: RawHeaders): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = Object.create(null)
  headers[':status'] = status
  for (let i = 0; i < raw.length; i += 2) add(headers, raw[i]!, raw[i + 1]!)
  return headers
}

export function trailerHeaders(trailers: readonly (readonly [string, string])[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = Object.create(null)
  for (const [name, value] of trailers) add(headers, name, value)
  return headers
}

/** Repeats of a name stay in their order; those of a name that node:http2 holds single are one list (RFC 9110 §5.3). */
function add(headers: OutgoingHttpHeaders, name: string, value: string): void {
  const lower = name.toLowerCase()
  if (never.has(lower)) return
  const before = headers[lower]
  if (before === undefined) headers[lower] = value
  else if (!single.has(lower)) headers[lower] = Array.isArray(before) ? [...before, value] : [String(before), value]
  else if (before !== value) headers[lower] = `${String(before)}, ${value}`
}
