import { isIPv6 } from 'node:net'

/** An IPv4 address, or the /64 of an IPv6 one: whoever has one address there has 2^64. */
export function addressKey(ip: string): string {
  if (!isIPv6(ip)) return ip
  const [head = '', tail] = ip.split('%', 1)[0]!.split('::')
  const front = groups(head)
  const back = tail === undefined ? [] : groups(tail)
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length
  const all = [...front, ...new Array<string>(Math.max(0, zeros)).fill('0'), ...back]
  return `${all.slice(0, 4).map(plain).join(':')}::/64`
}

/** An IPv4 address at the end stands for two groups. */
function groups(part: string): string[] {
  if (part === '') return []
  return part.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]))
}

function plain(group: string): string {
  return Number.parseInt(group, 16).toString(16)
}
