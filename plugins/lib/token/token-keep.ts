import { isFault } from '../../../core/index.ts'
import { classify } from '../idp/idp-errors.ts'
import type { Session, SessionData } from '../session/session.ts'
import { type MintTools, type Refusal, refusal, sessionOver } from './mint-tools.ts'
import { sourceOf, withoutGrant, withRefreshToken } from './service-grants.ts'
import { isRefusal, type TokenPlan } from './token-plan.ts'

const firstPause = 100
const longestPause = 2000
const patience = 300_000

/**
 * Writes what a redeem brought, however long the store is away: the old refresh token is spent, so giving up means losing the
 * session. The queue's lane is held meanwhile, for nobody could mint with the spent one either.
 */
export async function keepAtAllCosts(
  { sessions, clock, log }: Pick<MintTools, 'sessions' | 'clock' | 'log'>,
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

/** Writes `change`, and the new refresh token if one came for the one `spent`: whatever it takes, for the old one is dead. */
export async function storeRotated(
  tools: MintTools,
  session: Session,
  spent: string | undefined,
  rotated: string | undefined,
  change: (data: SessionData) => SessionData,
  plan?: TokenPlan,
): Promise<SessionData | 'gone'> {
  if (rotated === undefined) return tools.sessions.update(session, change)
  // Only where ours was the one spent: another process may have put a later one there.
  const both = (data: SessionData) =>
    change(
      sourceOf(data, plan).refreshToken === spent ? withRefreshToken(data, plan, rotated, tools.clock.now()) : data,
    )
  const data = await keepAtAllCosts(tools, session, both)
  if (data === 'gone') await discard(tools, session, rotated)
  return data
}

/** The session ended during the redeem: what logout revoked was the token before this one. */
async function discard(
  { idp, log }: Pick<MintTools, 'idp' | 'log'>,
  session: Session,
  refreshToken: string,
): Promise<void> {
  await idp.revoke?.(refreshToken).catch((error: unknown) => {
    log.warn({ session: session.hash, error: classify(error).words }, 'refresh_token_not_revoked')
  })
}

/** How long another process that redeemed the same token, its lease lost, may take to write down what it got. */
const grace = 1_000

/** Whether the token that was found dead is no longer the session's. */
async function overtaken(
  { sessions, clock }: MintTools,
  session: Session,
  spent: string | undefined,
  plan: TokenPlan | undefined,
): Promise<boolean> {
  const until = clock.now() + grace
  for (;;) {
    const data = await sessions.latest(session)
    if (data === 'gone') return false
    if (sourceOf(data, plan).refreshToken !== spent) return true
    if (sessions.leases === undefined || clock.now() >= until) return false
    await new Promise<void>((resolve) => clock.after(firstPause, resolve))
  }
}

function withoutRefresh({ refreshToken: _dead, ...rest }: SessionData): SessionData {
  return rest
}

export async function grantLost(
  tools: MintTools,
  session: Session,
  service: string,
  spent: string | undefined,
  words = 'no words',
): Promise<Refusal | 'raced'> {
  const { sessions, log } = tools
  if (await overtaken(tools, session, spent, undefined)) return 'raced'
  // By compare-and-set: whoever rotates in this very moment wins, and the session lives.
  const data = await sessions.update(session, (now) => (now.refreshToken === spent ? withoutRefresh(now) : now))
  if (data !== 'gone' && data.refreshToken !== undefined) return 'raced'
  const refused = data === 'gone' ? [] : Object.entries(data.services).filter(([, held]) => isRefusal(held))
  log.warn(
    {
      session: session.hash,
      sub: session.sub,
      service,
      error: words,
      // Some IdPs rotate the refresh token and refuse then; the next redeem finds it dead.
      ...(refused.length === 0 ? {} : { refused_before: refused.map(([service]) => service) }),
    },
    'session_grant_lost',
  )
  await sessions.end(session, 'grant_lost')
  return sessionOver
}

/** A service that lost its own grant costs nothing else: that service is fetched anew, and the session goes on. */
export async function serviceGrantLost(
  tools: MintTools,
  session: Session,
  plan: TokenPlan,
  spent: string | undefined,
  words = 'no words',
): Promise<Refusal | 'raced'> {
  if (await overtaken(tools, session, spent, plan)) return 'raced'
  const data = await tools.sessions.update(session, (now) =>
    sourceOf(now, plan).refreshToken === spent ? withoutGrant(now, plan) : now,
  )
  if (data === 'gone') return sessionOver
  if (sourceOf(data, plan).refreshToken !== undefined) return 'raced'
  const { service } = plan.wish
  tools.log.warn(
    { session: session.hash, sub: session.sub, service, error: words },
    `service_grant_lost service=${service}`,
  )
  return refusal('step_up', true)
}
