import { isFault, type Log } from '../../core/index.ts'
import type { Clock } from './clock.ts'
import type { Session, SessionData, Sessions } from './session.ts'

const firstPause = 100
const longestPause = 2000
const patience = 300_000

/**
 * Writes what a redeem brought, however long the store is away: the old refresh token is spent, so giving up means losing the
 * session. The queue's lane is held meanwhile, for nobody could mint with the spent one either.
 */
export async function keepAtAllCosts(
  { sessions, clock, log }: { readonly sessions: Sessions; readonly clock: Clock; readonly log: Log },
  session: Session,
  change: (now: SessionData) => SessionData,
): Promise<SessionData | 'gone'> {
  const until = clock.now() + patience
  for (let pause = firstPause; ; pause = Math.min(longestPause, pause * 2)) {
    try {
      return await sessions.update(session, change)
    } catch (error) {
      if (!isFault(error) || error.code !== 'STORE_UNAVAILABLE') throw error
      if (clock.now() >= until) {
        log.error({ session: session.hash, error: error.message }, 'rotated_refresh_token_lost')
        throw error
      }
    }
    await new Promise<void>((resolve) => clock.after(pause, resolve))
  }
}
