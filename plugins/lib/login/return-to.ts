const maxLength = 2048

/**
 * Where to go after a login: a path of this origin, or an address at one of `allowed`; else `/`. Judged by the parser that browsers use, after everything that parsers read in two
 * ways is refused (oauth2-proxy CVE-2020-5233, -11053, -4037: `//host`, `/\host`, a tab inside).
 */
export function safeReturnTo(
  wanted: string | null | undefined,
  own: string,
  allowed: ReadonlySet<string> = new Set(),
): string {
  if (!wanted || wanted.length > maxLength || unclear(wanted)) return '/'
  const origin = originOf(wanted, own)
  if ((origin !== own && !allowed.has(origin)) || !URL.canParse(wanted, origin)) return '/'
  const url = new URL(wanted, origin)
  if (url.origin !== origin || url.username !== '' || url.password !== '') return '/'
  // `/.//evil.test` parses to the path `//evil.test`, which as a Location is another host.
  if (url.pathname.startsWith('//') || hostile(decoded(url.pathname)) || isOurs(decoded(url.pathname))) return '/'
  return `${origin === own ? '' : origin}${url.pathname}${url.search}${url.hash}`
}

/** As it is written, to the letter: what only the parser makes an allowed origin is none. */
function originOf(wanted: string, own: string): string {
  return wanted.startsWith('/') ? own : (/^https?:\/\/[^/?#]+/.exec(wanted)?.[0] ?? '')
}

/** Control characters, blanks and backslashes: dropped, or read as a slash, by some parsers. */
function unclear(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\\]/.test(text)
}

/** A blank is fine where it came encoded. */
function hostile(text: string): boolean {
  return unclear(text.replaceAll(' ', ''))
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return '\\'
  }
}

/** A login that ends at the logout, or at the login again, would never end well. */
function isOurs(path: string): boolean {
  return /^\/auth(\/|$)/i.test(path)
}
