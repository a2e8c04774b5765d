import { IncomingMessage } from 'node:http'
import type { RawHeaders } from '../contract.ts'
import { sameName } from './raw-headers.ts'

/**
 * A request that node:http takes for an upgrade only where it asks for WebSocket. With a listener for 'upgrade' it would else stop reading
 * HTTP at every offer of h2c, which RFC 9110 §7.8 lets us ignore, and take the body of that request for the new protocol.
 */
export class UpgradableRequest extends IncomingMessage {
  /** `Upgrade`, and `Connection` naming it. */
  declare offered: boolean | null

  get upgrade(): boolean {
    return this.offered === true && offersWebSocket(this.rawHeaders)
  }

  /** Written by node:http, first in its own constructor. */
  set upgrade(offered: boolean | null) {
    this.offered = offered
  }
}

/** Whether any `Upgrade` field lists websocket. */
export function offersWebSocket(raw: RawHeaders): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    if (sameName(raw[i]!, 'upgrade') && listsWebSocket(raw[i + 1]!)) return true
  }
  return false
}

export function listsWebSocket(value: string): boolean {
  return value
    .toLowerCase()
    .split(',')
    .some((protocol) => /^websocket(\/|$)/.test(protocol.trim()))
}
