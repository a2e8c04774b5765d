/** Browsers treat names with these prefixes as special; servers that forget the prefix see the bare name (RFC 6265bis §4.1.3). */
const prefixes = ['__host-http-', '__host-', '__secure-', '__http-']
const defaults = ['bff_session', 'bff_login']

/** The cookie names that are Bascule's alone: they never go upstream, and no upstream may set them. */
export class OwnCookies {
  readonly #names: ReadonlySet<string>

  constructor(sessionCookie?: string) {
    this.#names = new Set([...defaults, ...(sessionCookie === undefined ? [] : [bare(sessionCookie)])])
  }

  /** In any case and with any prefix: an upstream behind a careless parser must not learn of, or plant, a near copy. */
  owns(name: string): boolean {
    return this.#names.has(bare(name))
  }
}

function bare(name: string): string {
  const lower = name.trim().toLowerCase()
  const prefix = prefixes.find((p) => lower.startsWith(p))
  return prefix === undefined ? lower : bare(lower.slice(prefix.length))
}
