import type { IncomingMessage } from 'node:http'

/**
 * Why this request is not answered here, if it is not. A page that somebody's browser is lured to reaches loopback, too: by a name of
 * its own that was rebound to 127.0.0.1, by a form, by `fetch` (Caddy CVE-2026-27589). What is no browser says nothing of origins.
 */
export function refusedBecause(req: IncomingMessage): string | undefined {
  const { host, origin, 'sec-fetch-site': site } = req.headers
  if (!isLoopbackAddress(req.socket.remoteAddress)) return 'only programs on this machine are answered'
  // Absent: a probe that speaks HTTP/1.0.
  if (host !== undefined && !isLoopbackHost(host)) return 'Host must be localhost, 127.0.0.1 or [::1]'
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return 'a page of another origin sent this request'
  if (origin !== undefined && origin !== `http://${host}`) return 'a page of another origin sent this request'
  return undefined
}

function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name)
}

function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || /^(?:::ffff:)?127\./.test(address))
}
