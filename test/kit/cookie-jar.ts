interface Cookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly path: string
}

/** A browser's cookies, as far as tests need them: by host (whatever the port, as browsers do) and path. */
export class CookieJar {
  #cookies: Cookie[] = []

  /** The `Cookie` header for this address; undefined: none. */
  header(url: string | URL): string | undefined {
    const { hostname, pathname } = new URL(url)
    const fitting = this.#cookies.filter((cookie) => cookie.host === hostname && covers(cookie.path, pathname))
    return fitting.length === 0 ? undefined : fitting.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  get(name: string): string | undefined {
    return this.#cookies.find((cookie) => cookie.name === name)?.value
  }

  get names(): readonly string[] {
    return this.#cookies.map((cookie) => cookie.name)
  }

  /** Takes the `Set-Cookie` lines of an answer. */
  keep(url: string | URL, headers: Headers): void {
    for (const line of headers.getSetCookie()) this.#keepLine(new URL(url), line)
  }

  #keepLine(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    const said = new Map(
      attributes.map((part) => {
        const [key = '', ...rest] = part.split('=')
        return [key.toLowerCase(), rest.join('=')]
      }),
    )
    const cookie = { name, value, host: url.hostname, path: said.get('path') ?? defaultPath(url.pathname) }
    this.#cookies = this.#cookies.filter(
      (old) => old.name !== name || old.host !== cookie.host || old.path !== cookie.path,
    )
    if (!isGone(said)) this.#cookies.push(cookie)
  }
}

function isGone(attributes: ReadonlyMap<string, string>): boolean {
  const maxAge = attributes.get('max-age')
  if (maxAge !== undefined) return Number(maxAge) <= 0
  const expires = attributes.get('expires')
  return expires !== undefined && Date.parse(expires) <= Date.now()
}

/** RFC 6265 5.1.4 */
function defaultPath(path: string): string {
  const end = path.lastIndexOf('/')
  return end <= 0 ? '/' : path.slice(0, end)
}

function covers(cookiePath: string, path: string): boolean {
  return (
    path === cookiePath ||
    (path.startsWith(cookiePath) && (cookiePath.endsWith('/') || path[cookiePath.length] === '/'))
  )
}
