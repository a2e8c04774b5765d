import { performance } from 'node:perf_hooks'
import { now } from '../util/clock.ts'
import type { SessionData } from './session.ts'

type Ending = Pick<SessionData, 'endsAt' | 'refreshUntil'>

/** A session without its refresh token could get no token again: the token's end, where the identity provider tells it, is the outer bound. */
export function endsAtLatest({ endsAt, refreshUntil = endsAt }: Ending): number {
  return Math.min(endsAt, refreshUntil)
}

/** On the monotonic clock. */
export function endOf(data: Ending): number {
  return performance.now() + endsAtLatest(data) - now()
}

/** With a new refresh token, which lives as long as the one before did. */
export function withRotated(data: SessionData, refreshToken: string, at: number): SessionData {
  const { refreshLife } = data
  return { ...data, refreshToken, ...(refreshLife === undefined ? {} : { refreshUntil: at + refreshLife }) }
}
