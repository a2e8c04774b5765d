// What the origins that users see must be among themselves: a request's Host tells them apart, and browsers keep cookies by host name.
import type { ConfigDocument } from './document.ts'
import type { Report } from './report.ts'
import { isLoopbackUrl } from './values.ts'

interface Origins {
  readonly public_url: string
  readonly public_urls: readonly string[]
  readonly tls?: unknown
}

type Path = readonly (string | number)[]
type Place = ReturnType<ConfigDocument['place']>

export function reviewOrigins(
  { public_url, public_urls, tls }: Origins,
  document: ConfigDocument,
  report: Report,
): void {
  const scheme = (url: string, name: string, path: Path) =>
    reviewScheme(url, `server.${name}`, tls !== undefined, document.place(path), report)
  scheme(public_url, 'public_url', ['server', 'public_url'])
  const before = [public_url]
  for (const [i, url] of public_urls.entries()) {
    const path = ['server', 'public_urls', i]
    scheme(url, `public_urls[${i}]`, path)
    for (const other of before) reviewPair(url, other, document.place(path), report)
    before.push(url)
  }
}

function reviewScheme(url: string, key: string, tls: boolean, place: Place, report: Report): void {
  if (!url.startsWith('http:')) return
  if (tls) {
    const message = `${key} is plain http, but server.tls serves https: browsers would be sent to an origin that is not there`
    report.error(place, message)
  } else if (!isLoopbackUrl(url)) {
    const message = `${key} is plain http: whoever is on the way can read the session cookie; use https`
    report.warn(place, message)
  }
}

function reviewPair(url: string, other: string, place: Place, report: Report): void {
  const [a, b] = [new URL(url), new URL(other)]
  if (url === other) report.error(place, `server.public_urls has ${url} a second time; take one out`)
  else if (a.host === b.host)
    report.error(
      place,
      `server.public_urls: ${url} and ${other} have one Host, which cannot tell them apart; keep the https one`,
    )
  else if (a.hostname === b.hostname && a.protocol === b.protocol)
    report.warn(
      place,
      `server.public_urls: ${url} and ${other} share one cookie, as browsers keep cookies by host name, not by port: a login at one ends the other's`,
    )
}
