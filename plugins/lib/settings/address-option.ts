import { isIP } from 'node:net'
import { z } from 'zod'

/** An option: an address, or a network as a CIDR. */
export const addressOrNetwork = z.string().refine(isAddressOrNetwork, 'must be an address or a CIDR such as 10.0.0.0/8')

function isAddressOrNetwork(entry: string): boolean {
  const [address = '', bits, ...rest] = entry.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32))
}
