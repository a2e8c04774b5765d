import type { OutgoingHttpHeaders } from 'node:http2'
import type { Dispatcher } from 'undici'

/** The fields of a request, as node:http2 takes them. Repeats become one list (RFC 9110 §5.3): it throws at some of them otherwise. */
export function http2Headers(
  origin: string,
  { method, path, headers }: Dispatcher.DispatchOptions,
): OutgoingHttpHeaders {
  const raw = (headers ?? []) as readonly string[]
  const made: OutgoingHttpHeaders = Object.create(null)
  made[':method'] = method
  made[':scheme'] = origin.startsWith('https:') ? 'https' : 'http'
  made[':authority'] = origin.slice(origin.indexOf('//') + 2)
  made[':path'] = path
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const before = made[name]
    made[name] =
      before === undefined ? raw[i + 1]! : `${String(before)}${name === 'cookie' ? '; ' : ', '}${raw[i + 1]!}`
  }
  made.te = 'trailers' // ours, of this hop: trailers are passed on, and gRPC asks for this
  return made
}
