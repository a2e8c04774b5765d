import { BlockList, isIP, isIPv6 } from 'node:net'

/** Peers whose word about the client is believed: `server.trusted_proxies`, addresses and CIDRs. Nobody is trusted for being private. */
export class TrustedPeers {
  readonly #list = new BlockList()
  readonly #none: boolean

  /** Throws a sentence that names the entry. */
  constructor(entries: readonly string[]) {
    this.#none = entries.length === 0
    for (const entry of entries) add(this.#list, entry)
  }

  trusts(ip: string): boolean {
    if (this.#none) return false
    const address = plainAddress(ip)
    return isIP(address) !== 0 && this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}

function add(list: BlockList, entry: string): void {
  const [address = '', bits, ...rest] = entry.split('/')
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  const size = Number(bits)
  const prefix = bits === undefined || (/^\d{1,3}$/.test(bits) && size <= (family === 'ipv6' ? 128 : 32))
  if (isIP(address) === 0 || !prefix || rest.length > 0)
    throw new Error(`server.trusted_proxies: ${entry} is no address and no CIDR such as 10.0.0.0/8`)
  if (bits === undefined) list.addAddress(address, family)
  else list.addSubnet(address, size, family)
}

const mapped = '::ffff:'

/** Without the zone, and an IPv4 address as such where a dual-stack socket shows it as IPv6. */
export function plainAddress(ip: string): string {
  const bare = ip.includes('%') ? ip.slice(0, ip.indexOf('%')) : ip
  return bare.startsWith(mapped) && bare.includes('.') ? bare.slice(mapped.length) : bare
}
