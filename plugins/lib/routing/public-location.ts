// The way back: where a service names itself by its own address, the path under which its route shows that to the outside.
import type { Route, Service } from '../../../core/index.ts'
import { type PathPattern, parsePattern, patternOf } from './path-pattern.ts'
import { filledPathProblem } from './path-template.ts'

/** One of the service's URLs. */
interface Place {
  /** As a reference may spell it, in lower case. */
  readonly origins: readonly string[]
  /** What the template makes of the paths that the route takes. */
  readonly sent: RegExp
}

/**
 * For `Location` and `Content-Location`: what nginx's `proxy_redirect default` does. A browser cannot go to `http://analytics:8100/v1/7`, and
 * learns an internal address. What the route's template would not have made stays as it is.
 */
export class PublicLocation {
  readonly #places: readonly Place[] = []
  readonly #shown: string

  constructor(route: Route, { base_url, base_urls = [base_url] }: Service) {
    const pattern = route.preserve_path ? anything : patternOf(route)
    const template = route.preserve_path ? '/{path}' : route.upstream_path
    const shown = (pattern?.text ?? '').replaceAll('$', '$$$$').replace(/\*$/, '{path}')
    this.#shown = shown.replaceAll(/\{([^{}]*)\}/g, '$<$1>')
    if (pattern === undefined || template === undefined || !isInvertible(pattern, template)) return
    const sent = sourceOf(pattern, template)
    this.#places = base_urls.map((url) => placeOf(new URL(url), sent))
  }

  of(reference: string): string {
    if (reference.charCodeAt(0) === SLASH && reference.charCodeAt(1) !== SLASH) return reference
    for (const { origins, sent } of this.#places) {
      const origin = origins.find((one) => reference.slice(0, one.length).toLowerCase() === one)
      const [, path, more] =
        origin === undefined ? [] : (/^((?:\/[^?#]*)?)((?:[?#].*)?)$/s.exec(reference.slice(origin.length)) ?? [])
      const shown = path === undefined ? undefined : this.#path(path || '/', sent)
      if (shown !== undefined) return shown + more
    }
    return reference
  }

  /** Dots would leave the template; a second slash, a backslash or a tab behind the first slash leads browsers to another host. */
  #path(path: string, sent: RegExp): string | undefined {
    if (!plain.test(path) || filledPathProblem(path) !== undefined || !sent.test(path)) return undefined
    const shown = path.replace(sent, this.#shown)
    return filledPathProblem(shown) === undefined ? shown : undefined
  }
}

const SLASH = 0x2f
const anything = parsePattern('/*')
const plain = /^[\x21-\x5b\x5d-\x7e\x80-\xff]+$/

/** A filled template can be read in one way only, and says all that the shown path needs. */
function isInvertible({ names, tail }: PathPattern, template: string): boolean {
  const needed = tail === undefined ? names : [...names, 'path']
  const pieces = template.split(/\{([^{}]*)\}/)
  const filled = pieces.filter((_, i) => i % 2 === 1)
  const between = pieces.filter((_, i) => i % 2 === 0).slice(1, -1)
  const all = filled.length === needed.length && needed.every((name) => filled.includes(name))
  return all && between.every((text) => text.includes('/'))
}

function sourceOf({ names }: PathPattern, template: string): string {
  const groups = template.split(/\{([^{}]*)\}/).map((piece, i) => {
    if (i % 2 === 0) return escaped(piece)
    return names.includes(piece) ? `(?<${piece}>[^/]+)` : `(?<${piece}>.*)`
  })
  return groups.join('')
}

function placeOf({ protocol, host, port, pathname }: URL, sent: string): Place {
  const secure = protocol === 'https:'
  const written = port === '' ? [`${host}:${secure ? 443 : 80}`, host] : [host]
  const origins = written.flatMap((authority) => [`${protocol}//${authority}`, `//${authority}`])
  // A service behind TLS that ends here puts the scheme of X-Forwarded-Proto before its own Host. Without a port that is another server.
  if (port !== '') origins.push(`${secure ? 'http' : 'https'}://${host}`)
  return { origins, sent: new RegExp(`^${escaped(pathname.replace(/\/$/, ''))}${sent}$`) }
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}
