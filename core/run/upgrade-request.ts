import { type IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { RawHeaders } from '../contract.ts'
import { lazyHeaders } from './lazy-headers.ts'
import { firstValue, sameName } from './raw-headers.ts'

/** As node:http's own are made: one of a class that extends its function takes 3 µs more. Elsewhere it is a class. */
function inherited(): typeof IncomingMessage {
  if (/^class\b/.test(Function.prototype.toString.call(IncomingMessage))) return class extends IncomingMessage {}
  function Request(this: IncomingMessage, socket: Socket): void {
    ;(IncomingMessage as unknown as (this: IncomingMessage, socket: Socket) => void).call(this, socket)
  }
  Object.setPrototypeOf(Request.prototype, IncomingMessage.prototype)
  return Object.setPrototypeOf(Request, IncomingMessage)
}

/**
 * A request that node:http takes for an upgrade only where it asks for WebSocket. With a listener for 'upgrade' it would else stop reading
 * HTTP at every offer of h2c, which RFC 9110 §7.8 lets us ignore, and take the body of that request for the new protocol.
 */
export const UpgradableRequest: typeof IncomingMessage = inherited()

interface Known extends IncomingMessage {
  /** `Upgrade`, and `Connection` naming it. */
  offered: boolean | null
  fields: IncomingHttpHeaders | undefined
}

Object.defineProperty(UpgradableRequest.prototype, 'upgrade', {
  get(this: Known): boolean {
    return this.offered === true && offersWebSocket(this.rawHeaders)
  },
  /** By node:http, first in its own constructor. */
  set(this: Known, offered: boolean | null) {
    this.offered = offered
  },
  configurable: true,
})

const parsed = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, 'headers')?.get
if (parsed) {
  Object.defineProperty(UpgradableRequest.prototype, 'headers', {
    get(this: Known): IncomingHttpHeaders {
      const expects = firstValue(this.rawHeaders, 'expect') !== undefined
      this.fields ??= expects ? (parsed.call(this) as IncomingHttpHeaders) : lazyHeaders(this, parsed)
      return this.fields
    },
    set(this: Known, given: IncomingHttpHeaders) {
      this.fields = given
    },
    configurable: true,
  })
}

/** Whether any `Upgrade` field lists websocket. */
function offersWebSocket(raw: RawHeaders): boolean {
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
