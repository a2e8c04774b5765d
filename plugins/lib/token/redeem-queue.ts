import type { Shared } from '../../../core/index.ts'
import { type Clock, clock } from '../util/clock.ts'
import { IdpHealth } from './token-health.ts'

/** What the lane's head is doing, and since when: a waiter that gives up must know whom to blame. */
export interface Turn {
  /** `wait`: for another process, which redeems. */
  phase: 'read' | 'wait' | 'redeem' | 'keep'
  since: number
}
interface Lane {
  readonly tasks: Map<string, Promise<unknown>>
  tail: Promise<unknown>
  turn: Turn | undefined
}

/**
 * One line for everything that spends one session's refresh token: two redeems at a time on an IdP that rotates lose the whole
 * family, whichever services they were for. It outlives reloads, so that a new generation cannot open a second line.
 */
export class RedeemQueue {
  readonly health = new IdpHealth()
  readonly #lanes = new Map<string, Lane>()
  readonly #clock: Clock

  constructor(time: Clock = clock) {
    this.#clock = time
  }

  /** The work under this key that waits or runs already. */
  pending<T>(lane: string, key: string): Promise<T> | undefined {
    return this.#lanes.get(lane)?.tasks.get(key) as Promise<T> | undefined
  }

  /** Runs when everything before it in the lane has settled. Nothing takes it back: its outcome would stay open. */
  add<T>(name: string, key: string, task: (turn: Turn) => Promise<T>): Promise<T> {
    const lane = this.#lane(name)
    const work = lane.tail.then(() => {
      lane.turn = { phase: 'read', since: this.#clock.now() }
      return task(lane.turn)
    })
    lane.tasks.set(key, work)
    const done = () => {
      lane.turn = undefined
      lane.tasks.delete(key)
      if (lane.tasks.size === 0) this.#lanes.delete(name)
    }
    lane.tail = work.then(done, done)
    return work
  }

  /** What the lane's head has been at for longer than `ms`. */
  stuck(lane: string, ms: number): Turn['phase'] | undefined {
    const turn = this.#lanes.get(lane)?.turn
    return turn !== undefined && this.#clock.now() - turn.since >= ms ? turn.phase : undefined
  }

  get size(): number {
    return this.#lanes.size
  }

  /** Resolves when all that had been added has settled: a rotated refresh token that nobody stores is a lost session. */
  async idle(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.tail))
  }

  #lane(name: string): Lane {
    const known = this.#lanes.get(name)
    if (known !== undefined) return known
    const lane: Lane = { tasks: new Map(), tail: Promise.resolve(), turn: undefined }
    this.#lanes.set(name, lane)
    return lane
  }
}

interface RedeemQueueSettings {
  readonly store: unknown
  readonly issuer: string
  readonly client_id: string
}

export const redeemQueueShared: Shared<RedeemQueueSettings, RedeemQueue> = {
  name: 'redeem-queue',
  open: () => new RedeemQueue(),
  close: (queue) => queue.idle(),
}
