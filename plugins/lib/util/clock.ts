import { performance } from 'node:perf_hooks'
import { clearTimeout, setTimeout } from 'node:timers'

/** Time as sessions and tokens count it; tests hand in their own. */
export interface Clock {
  /** ms since the epoch; never goes back. For lifetimes. */
  now(): number
  /** ms since the epoch as the machine believes now. For what others stamped: `exp`, `iat`. */
  wall(): number
  /** Calls once after `ms`, without keeping the process alive; the answer takes the call back. */
  after(ms: number, call: () => void): () => void
}

/**
 * The later of wall clock and monotonic clock: a wall clock set back would let expired tokens be sent, and the monotonic clock
 * alone stands still while a laptop sleeps. A wall clock set forward costs a renewal, nothing else.
 */
export function now(): number {
  return Math.max(Date.now(), performance.timeOrigin + performance.now())
}

export const clock: Clock = {
  now,
  wall: Date.now,
  after(ms, call) {
    const timer = setTimeout(call, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
