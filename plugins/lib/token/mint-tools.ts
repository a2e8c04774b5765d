import type { Log } from '../../../core/index.ts'
import type { Sessions } from '../session/session.ts'
import type { Clock } from '../util/clock.ts'
import type { TokenEndpoint } from './minter.ts'
import type { TokenReason } from './reasons.ts'
import type { RedeemQueue } from './redeem-queue.ts'

/** Why there is no credential. `stepUp`: signing in again would help. `retryAfter` in seconds. */
export type Refusal =
  | { readonly kind: 'refused'; readonly reason: TokenReason; readonly stepUp: boolean }
  | { readonly kind: 'unavailable'; readonly what: 'idp' | 'store'; readonly retryAfter: number }
  | { readonly kind: 'session_over' }

export interface MintTools {
  readonly sessions: Sessions
  readonly idp: TokenEndpoint & {
    revoke?(token: string): Promise<void>
    introspect?(token: string): Promise<Readonly<Record<string, unknown>>>
  }
  readonly issuer: string
  readonly queue: RedeemQueue
  readonly clock: Clock
  readonly log: Log
}

export const sessionOver: Refusal = { kind: 'session_over' }
export const idpAway: Refusal = { kind: 'unavailable', what: 'idp', retryAfter: 1 }

export function refusal(reason: TokenReason, stepUp: boolean): Refusal {
  return { kind: 'refused', reason, stepUp }
}
