import type { Fault } from '../contract.ts'
import { fault } from '../errors.ts'
import type { TunnelEnd } from './upgrade-tunnel.ts'

const GOING_AWAY = 1001
const INTERNAL_ERROR = 1011
const SERVICE_RESTART = 1012
/** 4000 to 4999 are for applications to agree on (RFC 6455 §7.4.2): 4401 is to a WebSocket what 401 is to a request. */
const PRIVATE = 4000

/** The close code for what ended it. `draining`: the whole process goes, and not only the configuration it began in. */
export function closeCodeOf({ code, side, status }: Fault, draining: boolean): number {
  if (code === 'DRAINING') return draining ? GOING_AWAY : SERVICE_RESTART
  return side === 'client' ? PRIVATE + status : INTERNAL_ERROR
}

/** What went wrong in here is not the client's to read. */
export function closeReasonOf({ code, message }: Fault): string {
  return code === 'INTERNAL' ? '' : message
}

/** Undefined where one side ended it in order, or we did and said why. */
export function tunnelFault(how: TunnelEnd): Fault | undefined {
  switch (how) {
    case 'client_torn':
      return fault('CLIENT_CLOSED')
    case 'upstream_torn':
      return fault('UPSTREAM_UNREACHABLE', 'the service broke the connection off')
    case 'client':
    case 'upstream':
    case 'closed':
      return undefined
  }
}
