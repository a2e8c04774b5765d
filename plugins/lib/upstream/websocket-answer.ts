import type { WireFields } from '../http/response-headers.ts'

/** Whether a 101 switches to what was asked for: one `Upgrade`, to websocket (RFC 6455 §4.2.2). Its accept key is core's to judge. */
export function switchesToWebSocket(fields: WireFields): boolean {
  let upgrades = 0
  let protocol = ''
  for (let i = 0; i < fields.length; i += 2) {
    if (text(fields[i]!).toLowerCase() !== 'upgrade') continue
    upgrades++
    protocol = text(fields[i + 1]!)
  }
  return upgrades === 1 && protocol.toLowerCase() === 'websocket'
}

function text(field: string | Uint8Array): string {
  return typeof field === 'string' ? field : (field as Buffer).toString('latin1')
}
