import type { Exchange } from '../../../core/index.ts'

type Asking = Pick<Exchange, 'method' | 'upgrade' | 'header' | 'headerAll'>

const safe = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether a request that may change something was sent by another site. SameSite alone is not counted as the defence (BBA-10): a page
 * on a neighbour's domain is same-site. Neither header: not a browser, so no cookie that a victim's browser added.
 */
export function fromOtherSite(x: Asking, origins: ReadonlySet<string>): boolean {
  if (safe.has(x.method) && !x.upgrade) return false
  const sites = x.headerAll('sec-fetch-site')
  const from = x.headerAll('origin')
  if (sites.length === 0 && from.length === 0) return false
  if (sites.length > 1 || from.length > 1) return true
  // Every browser says where a handshake comes from, and no CORS check follows: there the Origin decides alone.
  if (x.upgrade && from.length === 1) return !origins.has(from[0]!)
  return sites[0] !== 'same-origin' && sites[0] !== 'none' && !origins.has(from[0] ?? '')
}

/** Origins whose pages may change things at `publicUrl`: itself, and those of `cors.allow_origins`. Not another one of ours. */
export function trustedOrigins(publicUrl: string, allowed: readonly string[]): ReadonlySet<string> {
  return new Set([publicUrl, ...allowed])
}
