import type { RawHeaders } from '../../../core/index.ts'
import { trimBlanks } from '../http/trim-blanks.ts'
import type { SessionSettings } from '../settings/settings.ts'

/** Two cookies of one name: planted from a neighbour's domain or path, and nobody can tell which one is ours (CK-4). */
export const ambiguous: unique symbol = Symbol('two cookies of one name')

/**
 * The value of one cookie. All `Cookie` lines are one list, names are compared exactly, nothing is decoded (RFC 6265 section 5.4;
 * CK-3, CK-7).
 */
export function cookieOf(headers: RawHeaders, name: string): string | undefined | typeof ambiguous {
  let found: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const field = headers[i] as string
    if (field.length !== 6 || field.toLowerCase() !== 'cookie') continue
    const line = headers[i + 1] as string
    let equals = -1
    for (let start = 0, end = 0; end < line.length; start = end + 1) {
      const semicolon = line.indexOf(';', start)
      end = semicolon === -1 ? line.length : semicolon
      if (equals < start) equals = line.indexOf('=', start)
      if (equals === -1) break // asked once for all pairs that have none: a line of semicolons costs one look
      if (equals > end || equals - start < name.length || trimBlanks(line.slice(start, equals)) !== name) continue
      if (found !== undefined) return ambiguous
      found = trimBlanks(line.slice(equals + 1, end))
    }
  }
  return found
}

/** How one of our cookies is written. Values are base64url, so nothing is ever escaped. */
export interface CookieSpec {
  readonly name: string
  readonly attributes: string
}

/** `HttpOnly` always; over https `Secure` and the `__Host-` name, which no neighbour's domain can plant. */
export function sessionCookie(publicUrl: string, { cookie }: SessionSettings): CookieSpec {
  const sameSite = cookie.same_site === 'strict' ? 'Strict' : 'Lax'
  return spec(publicUrl, cookie.name, sameSite, cookie.domain)
}

/** Lax: the callback is a navigation that comes from the identity provider's site. */
export function loginCookie(publicUrl: string): CookieSpec {
  return spec(publicUrl, 'bff_login', 'Lax', null)
}

function spec(publicUrl: string, name: string, sameSite: string, domain: string | null): CookieSpec {
  const secure = publicUrl.startsWith('https:')
  const attributes = `; Path=/${domain === null ? '' : `; Domain=${domain}`}; HttpOnly${secure ? '; Secure' : ''}; SameSite=${sameSite}`
  return { name: secure && domain === null ? `__Host-${name}` : name, attributes }
}

/** Without `maxAge` (seconds) it lives as long as the browser does. */
export function setCookie({ name, attributes }: CookieSpec, value: string, maxAge?: number): RawHeaders {
  return ['Set-Cookie', `${name}=${value}${attributes}${maxAge === undefined ? '' : `; Max-Age=${maxAge}`}`]
}

export function deleteCookie(cookie: CookieSpec): RawHeaders {
  return setCookie(cookie, '', 0)
}
