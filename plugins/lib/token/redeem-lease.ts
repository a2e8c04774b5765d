import type { Lease } from '../session/session-store.ts'
import type { MintTools } from './mint-tools.ts'
import type { Turn } from './redeem-queue.ts'

/** A holder that was killed is replaced after so long; one that lives renews it, however long the identity provider takes. */
const ttl = 10_000
const renewEvery = 2_500
const firstPause = 20
const longestPause = 250
const patience = 60_000

type Tools = Pick<MintTools, 'sessions' | 'clock' | 'log'>

/**
 * Runs `work` as the only one in all processes that share the session store, or answers undefined if the others take too long. Who had
 * to wait finds in the store what the holder brought: `work` begins by reading it. In one process the queue's lane is the line.
 */
export async function inLease<T>(
  tools: Tools,
  name: string,
  turn: Turn,
  work: () => Promise<T>,
): Promise<T | undefined> {
  if (tools.sessions.leases === undefined) return work()
  const lease = await taken(tools, `q:${name}`, turn)
  if (lease === undefined) return undefined
  const stop = renewing(tools, name, lease)
  try {
    return await work()
  } finally {
    stop()
    // One that cannot be given back runs out.
    await Promise.resolve(lease.release()).catch(() => {})
  }
}

async function taken({ sessions, clock }: Tools, name: string, turn: Turn): Promise<Lease | undefined> {
  const { leases } = sessions
  const until = clock.now() + patience
  for (let pause = firstPause; clock.now() < until; pause = Math.min(longestPause, pause * 2)) {
    const lease = await leases?.lease(name, ttl)
    if (lease !== undefined) return lease
    turn.phase = 'wait'
    if (leases?.settled) await leases.settled(name, longestPause)
    else await new Promise<void>((resolve) => clock.after(pause * (0.5 + Math.random() / 2), resolve))
  }
  return undefined
}

function renewing({ clock, log }: Tools, name: string, lease: Lease): () => void {
  let cancel = clock.after(renewEvery, renew)
  let over = false
  function renew() {
    Promise.resolve()
      .then(() => lease.renew(ttl))
      .then(
        (held) => {
          if (over) return
          if (held) cancel = clock.after(renewEvery, renew)
          // Another process may redeem the same token now. Nothing takes back what was sent; the compare-and-set guards the session.
          else log.warn({ lease: name.slice(0, 16) }, 'redeem_lease_lost')
        },
        // The store is away: so it is for who would take the lease.
        () => {
          if (!over) cancel = clock.after(renewEvery, renew)
        },
      )
  }
  return () => {
    over = true
    cancel()
  }
}
