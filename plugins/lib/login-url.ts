import type { Exchange } from '../../core/index.ts'

type Asking = Pick<Exchange, 'method' | 'target' | 'header'>

/** Where this user signs in and then goes on: the page that was navigated to, or the page whose script made the request. */
export function loginUrl(publicUrl: string, x: Asking): string {
  return `${publicUrl}/auth/login?return_to=${encodeURIComponent(pageOf(publicUrl, x))}`
}

function pageOf(publicUrl: string, x: Asking): string {
  if (isNavigation(x)) return x.target
  // An API's path would show JSON after the login.
  const referrer = x.header('referer')
  return referrer?.startsWith(`${publicUrl}/`) ? referrer.slice(publicUrl.length) : '/'
}

/** A person in front of a page, not a script: `Sec-Fetch-Mode`, and `Accept` where an old browser does not send it. */
export function isNavigation(x: Asking): boolean {
  if (x.method !== 'GET' && x.method !== 'HEAD') return false
  const mode = x.header('sec-fetch-mode')
  return mode === undefined ? (x.header('accept')?.includes('text/html') ?? false) : mode === 'navigate'
}
