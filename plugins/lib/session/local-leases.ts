import { performance } from 'node:perf_hooks'
import { clearTimeout, setTimeout } from 'node:timers'
import type { Lease } from './session-store.ts'

interface Held {
  until: number
  readonly waiting: Set<() => void>
}

/** Leases of one process: what a store without a network has to offer. A holder that died is replaced when its time is up. */
export class LocalLeases {
  readonly #held = new Map<string, Held>()

  take(name: string, ttl: number): Lease | undefined {
    const holder = this.#held.get(name)
    if (holder !== undefined && holder.until > performance.now()) return undefined
    const mine: Held = { until: performance.now() + ttl, waiting: holder?.waiting ?? new Set() }
    this.#held.set(name, mine)
    return {
      renew: (longer) => {
        if (this.#held.get(name) !== mine || mine.until <= performance.now()) return false
        mine.until = performance.now() + longer
        return true
      },
      release: () => {
        if (this.#held.get(name) !== mine) return
        this.#held.delete(name)
        for (const wake of [...mine.waiting]) wake()
      },
    }
  }

  /** Resolves when the lease is free, or ran out, or `ms` passed. */
  settled(name: string, ms: number): Promise<void> {
    const holder = this.#held.get(name)
    const left = holder === undefined ? 0 : holder.until - performance.now()
    if (holder === undefined || left <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        holder.waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, Math.min(ms, left + 1))
      timer.unref()
      holder.waiting.add(wake)
    })
  }
}
