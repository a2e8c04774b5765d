import type { Session, SessionData } from '../session/session.ts'
import { idpAway, type MintTools, type Refusal, refusal, sessionOver } from './mint-tools.ts'
import type { Minted } from './minter.ts'
import { inLease } from './redeem-lease.ts'
import type { Turn } from './redeem-queue.ts'
import { asked } from './token-ask.ts'
import { grantLost, storeRotated } from './token-keep.ts'
import { refreshGrant } from './token-request.ts'

/** The login's token must outlive the request that exchanges it. */
const margin = 2_000

export function liveAccess(data: SessionData, wall: number): SessionData['access'] {
  return data.access !== undefined && data.access.expiresAt > wall + margin ? data.access : undefined
}

/**
 * Renews the login's own access token, for minters that work with it, in the session's one line. Undefined: it is there now.
 * `stale`: a token that the identity provider no longer takes, whatever its lifetime says.
 */
export function renewAccess(tools: MintTools, session: Session, stale?: string): Promise<Refusal | undefined> {
  const lane = tools.sessions.queueOf(session)
  const key = `access ${stale ?? ''}`
  return (
    tools.queue.pending<Refusal | undefined>(lane, key) ??
    tools.queue.add(lane, key, async (turn) => {
      const done = await inLease(tools, lane, turn, async () => ({ failed: await renew(tools, session, stale, turn) }))
      return done === undefined ? idpAway : done.failed
    })
  )
}

async function renew(tools: MintTools, session: Session, stale: string | undefined, turn: Turn) {
  for (let round = 0; round < 2; round++) {
    const data = await tools.sessions.latest(session)
    if (data === 'gone') return sessionOver
    const live = liveAccess(data, tools.clock.wall())
    if (live !== undefined && live.token !== stale) return undefined
    const { refreshToken } = data
    if (refreshToken === undefined) return refusal('no_refresh_token', true)
    turn.phase = 'redeem'
    turn.since = tools.clock.now()
    const minted = await asked(tools, 'login', (idp) => refreshed(idp, refreshToken), data.dpop)
    turn.phase = 'keep'
    if (minted.kind === 'token') {
      const access = { token: minted.token, expiresAt: minted.expiresAt }
      const kept = await storeRotated(tools, session, refreshToken, minted.refreshToken, (now) => ({ ...now, access }))
      return kept === 'gone' ? sessionOver : undefined
    }
    if (minted.kind === 'refused') {
      const kept = await storeRotated(tools, session, refreshToken, minted.refreshToken, (now) => now)
      return kept === 'gone' ? sessionOver : refusal(minted.reason, false)
    }
    if (minted.kind !== 'grant_lost') return idpAway
    const lost = await grantLost(tools, session, 'login', refreshToken, minted.words)
    if (lost !== 'raced') return lost
  }
  return idpAway
}

async function refreshed(idp: Parameters<typeof refreshGrant>[0], refreshToken: string): Promise<Minted> {
  const answer = await refreshGrant(idp, refreshToken, {})
  if (answer.kind !== 'answer') return answer
  const { accessToken, expiresAt, refreshToken: next } = answer.answer
  return { kind: 'token', token: accessToken, expiresAt, ...(next === undefined ? {} : { refreshToken: next }) }
}
