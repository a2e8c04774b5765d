import type { Exchange } from '../../../core/index.ts'

type Asking = Pick<Exchange, 'method' | 'target' | 'header'>

/** Where this user signs in and then goes on: the page that was navigated to, or the page whose script made the request. */
export class LoginUrl {
  readonly #login: string
  /** With a slash: of ours, and of those pages elsewhere that a login may come back to. */
  readonly #own: string
  readonly #others: readonly string[]

  constructor(publicUrl: string, allowed: readonly string[]) {
    this.#login = `${publicUrl}/auth/login?return_to=`
    this.#own = `${publicUrl}/`
    this.#others = allowed.map((origin) => `${origin}/`)
  }

  for(x: Asking): string {
    return this.#login + encodeURIComponent(this.#pageOf(x))
  }

  /** A login that fetches the grant for one service. */
  stepUp(x: Asking, service: string): string {
    return `${this.for(x)}&service=${encodeURIComponent(service)}`
  }

  #pageOf(x: Asking): string {
    if (isNavigation(x)) return x.target
    // An API's path would show JSON after the login.
    const referrer = x.header('referer')
    if (referrer === undefined) return '/'
    if (referrer.startsWith(this.#own)) return referrer.slice(this.#own.length - 1)
    return this.#others.some((origin) => referrer.startsWith(origin)) ? referrer : '/'
  }
}

/** A person in front of a page, not a script: `Sec-Fetch-Mode`, and `Accept` where an old browser does not send it. */
export function isNavigation(x: Asking): boolean {
  if (x.method !== 'GET' && x.method !== 'HEAD') return false
  const mode = x.header('sec-fetch-mode')
  return mode === undefined ? (x.header('accept')?.includes('text/html') ?? false) : mode === 'navigate'
}

/**
 * What a browser does by itself or for a script: a fetch, an image, a look ahead. Nobody sees where it leads, so it may begin nothing. A
 * service worker's copy of a navigation is `same-origin`. Who does not say where it comes from is no browser: some programs send the mode alone.
 */
export function isBackground(x: Pick<Asking, 'header'>): boolean {
  if (x.header('sec-purpose') !== undefined || x.header('purpose') !== undefined) return true
  if (x.header('sec-fetch-site') === undefined) return false
  const mode = x.header('sec-fetch-mode')
  return mode !== undefined && mode !== 'navigate' && mode !== 'same-origin'
}
