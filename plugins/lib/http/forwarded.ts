// Who asked, as told to a backend: X-Forwarded-For, -Proto and -Host, Forwarded (RFC 7239), Via (RFC 9110 §7.6.3).
import { isIP } from 'node:net'
import type { Exchange, RawHeaders } from '../../../core/index.ts'
import type { KnownHosts } from './known-hosts.ts'
import { plainAddress, type TrustedPeers } from './trusted-peers.ts'

type Asked = Pick<Exchange, 'client' | 'header' | 'headerAll'>
type Received = Asked & Pick<Exchange, 'httpVersion'>

/** The version a request was received in, which need not be the one it goes on in. */
const via: Readonly<Record<Exchange['httpVersion'], string>> = {
  '1.0': '1.0 bascule',
  '1.1': '1.1 bascule',
  '2.0': '2.0 bascule',
}

/** Adds our own word; what a trusted peer said of those before it stays in front, from anybody else it was dropped. */
export function pushForwarded(to: RawHeaders, x: Received, trusted: boolean, hosts: KnownHosts): void {
  const ip = plainAddress(x.client.ip)
  const said = x.header('host')
  const host = said !== undefined && hosts.has(said) ? said : undefined
  const scheme = x.client.tls ? 'https' : 'http'
  const before = trusted ? x.headerAll('x-forwarded-for') : []
  to.push('X-Forwarded-For', before.length === 0 ? ip : `${before.join(', ')}, ${ip}`)
  to.push('X-Forwarded-Proto', (trusted && trustedScheme(x)) || scheme)
  const theirs = trusted ? x.header('x-forwarded-host') : undefined
  if (theirs !== undefined || host !== undefined) to.push('X-Forwarded-Host', theirs ?? host!)
  const chain = trusted ? x.headerAll('forwarded') : []
  const element = forwardedElement(ip, host, scheme)
  to.push('Forwarded', chain.length === 0 ? element : `${chain.join(', ')}, ${element}`)
  to.push('Via', via[x.httpVersion])
}

/** The scheme the user sees, by the nearest proxy's word; anything but http and https is nobody's word. */
function trustedScheme(x: Asked): string | undefined {
  const word = x.header('x-forwarded-proto')?.split(',').at(-1)?.trim().toLowerCase()
  return word === 'https' || word === 'http' ? word : undefined
}

function forwardedElement(ip: string, host: string | undefined, scheme: string): string {
  const family = isIP(ip)
  const node = family === 6 ? `"[${ip}]"` : family === 4 ? ip : 'unknown'
  return `for=${node};${host === undefined ? '' : `host=${quoted(host)};`}proto=${scheme}`
}

/** A port's colon is no token character; a client's quote or backslash must not end our string. */
function quoted(host: string): string {
  if (/^[A-Za-z0-9._-]+$/.test(host)) return host
  return /["\\]/.test(host) ? `"${host.replaceAll(/["\\]/g, '\\$&')}"` : `"${host}"`
}

/** The user's address: the last one in X-Forwarded-For that no trusted proxy holds, read from the near end; else the peer's. */
export function clientAddress(x: Asked, peers: TrustedPeers): string {
  let address = plainAddress(x.client.ip)
  if (!peers.trusts(address)) return address
  const chain = x.headerAll('x-forwarded-for').join(',').split(',')
  for (const entry of chain.reverse()) {
    const next = plainAddress(withoutPort(entry.trim()))
    if (isIP(next) === 0) break
    address = next
    if (!peers.trusts(next)) break
  }
  return address
}

function withoutPort(entry: string): string {
  if (entry.startsWith('[')) return entry.slice(1, entry.indexOf(']'))
  return entry.includes('.') && entry.includes(':') && !entry.startsWith('::')
    ? entry.slice(0, entry.indexOf(':'))
    : entry
}
