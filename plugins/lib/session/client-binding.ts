// Binds a session to the client that it was opened from: a cookie that was copied elsewhere opens nothing there.
import { isIPv6 } from 'node:net'
import type { Exchange } from '../../../core/index.ts'
import { clientAddress } from '../http/forwarded.ts'
import { TrustedPeers } from '../http/trusted-peers.ts'
import { addressKey } from '../rate-key.ts'
import { sha256 } from '../util/random-id.ts'

export interface BindSettings {
  readonly user_agent: boolean
  /** Bits of an IPv4 address; of an IPv6 one it is always the /64. 0: not bound. */
  readonly address_prefix: number
}

/** As kept in the sealed session. */
export interface BoundClient {
  /** A hash: the text may be long. */
  readonly userAgent?: string
  readonly network?: string
}

type Asking = Pick<Exchange, 'header' | 'headerAll' | 'client'>

class ClientBinding {
  readonly #settings: BindSettings
  readonly #peers: TrustedPeers

  constructor(settings: BindSettings, trustedProxies: readonly string[]) {
    this.#settings = settings
    this.#peers = new TrustedPeers(trustedProxies)
  }

  of(x: Asking): BoundClient {
    const { user_agent, address_prefix } = this.#settings
    return {
      ...(user_agent ? { userAgent: agentOf(x) } : {}),
      ...(address_prefix > 0 ? { network: this.#network(x) } : {}),
    }
  }

  /** What a session was not bound to when it was opened is not asked of it later. */
  fits(bound: BoundClient, x: Asking): boolean {
    const { user_agent, address_prefix } = this.#settings
    if (user_agent && bound.userAgent !== undefined && bound.userAgent !== agentOf(x)) return false
    return address_prefix === 0 || bound.network === undefined || bound.network === this.#network(x)
  }

  #network(x: Asking): string {
    const address = clientAddress(x, this.#peers)
    return isIPv6(address) ? addressKey(address) : ipv4Network(address, this.#settings.address_prefix)
  }
}

function agentOf(x: Asking): string {
  return sha256(x.headerAll('user-agent').join('\n'))
}

function ipv4Network(address: string, bits: number): string {
  let value = 0
  for (const part of address.split('.')) value = value * 256 + Number(part)
  return `${Math.floor(value / 2 ** (32 - bits))}/${bits}`
}

/** Undefined: sessions are bound to nothing. */
export function clientBinding(settings: BindSettings, trustedProxies: readonly string[]): ClientBinding | undefined {
  return settings.user_agent || settings.address_prefix > 0 ? new ClientBinding(settings, trustedProxies) : undefined
}
