// One look at the request target, before anything matches or forwards it. undici sends a path exactly as given, so all checking is ours.

const SLASH = 0x2f
const DOT = 0x2e
const PERCENT = 0x25
const QUESTION = 0x3f
const BACKSLASH = 0x5c
const HASH = 0x23
const SEMICOLON = 0x3b

/** Value of a hex digit, or -1. */
function hex(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** The byte at `i`, decoded when it is `%xx`; -1 for a broken escape. */
function decodedAt(target: string, i: number): number {
  const code = target.charCodeAt(i)
  if (code !== PERCENT) return code
  const high = hex(target.charCodeAt(i + 1))
  const low = hex(target.charCodeAt(i + 2))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/**
 * Why a target may not be served, or undefined when it may. Origin form only; no dot segments however spelt (`.`, `%2e`, behind an
 * encoded slash, before a `;`), no backslash, `#`, control byte or broken escape in the path. The query is opaque bytes but for
 * `#` and control bytes (RFC 9112 §3.2; RFC 3986 §5.2.4). `%2F` is for the router to judge: a route may keep it.
 */
export function targetProblem(target: string): string | undefined {
  if (target.charCodeAt(0) !== SLASH) return 'the target must be a path that starts with /'
  if (target.charCodeAt(1) === SLASH) return 'the target may not start with //'
  const end = target.length
  let dots = 0 // of this segment; -1: the segment holds something else
  let i = 1
  for (; i < end; i++) {
    const raw = target.charCodeAt(i)
    if (raw === QUESTION) break
    if (raw <= 0x20 || raw >= 0x7f) return 'the path holds a byte that must be percent-encoded'
    if (raw === HASH) return 'the target holds a #'
    const code = raw === PERCENT ? decodedAt(target, i) : raw
    if (code === -1) return 'the path holds a broken percent-encoding'
    if (code < 0x20 || code === 0x7f) return 'the path holds an encoded control byte'
    if (code === BACKSLASH) return 'the path holds a backslash'
    if (raw === PERCENT) i += 2
    if (code === SLASH) {
      if (dots === 1 || dots === 2) return 'the path holds a dot segment'
      dots = 0
    } else if (code === DOT) {
      if (dots >= 0) dots++
    } else if (code === SEMICOLON && (dots === 1 || dots === 2)) {
      return 'the path holds a dot segment' // `/..;/`: servlet containers drop the parameter and resolve the rest
    } else dots = -1
  }
  if (dots === 1 || dots === 2) return 'the path holds a dot segment'
  for (; i < end; i++) {
    const raw = target.charCodeAt(i)
    if (raw <= 0x20 || raw === 0x7f) return 'the query holds a byte that must be percent-encoded'
    if (raw === HASH) return 'the target holds a #'
  }
  return undefined
}

const name = /^[A-Za-z0-9._~-]+(:\d{1,5})?$/
const address = /^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/

/**
 * Why a Host may not be believed, or undefined when it may: a name or an address, and a port (RFC 9112 §3.2). It chooses the route and
 * goes on as X-Forwarded-Host: with a comma, an `@` or a slash in it, the next reader sees another host than the router did.
 */
export function hostProblem(host: string): string | undefined {
  return name.test(host) || address.test(host) ? undefined : 'Host is no host name with an optional port'
}
