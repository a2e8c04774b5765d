// Decisions already had, for as long as settings allow; each is kept under everything that was asked.
import { hash } from 'node:crypto'
import type { Clock } from '../util/clock.ts'

/** A decision is some 100 bytes: a MiB at most. */
const most = 10_000

interface Kept {
  readonly allow: boolean
  readonly until: number
}

/** The oldest go first when it is full: whoever asks about ever new things cannot make it grow. */
export class Decisions {
  readonly #ms: { readonly allow: number; readonly deny: number }
  readonly #clock: Pick<Clock, 'now'>
  readonly #kept = new Map<string, Kept>()

  constructor(ms: { readonly allow: number; readonly deny: number }, clock: Pick<Clock, 'now'>) {
    this.#ms = ms
    this.#clock = clock
  }

  get(key: string): boolean | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    if (this.#clock.now() < kept.until) return kept.allow
    this.#kept.delete(key)
    return undefined
  }

  keep(key: string, allow: boolean): void {
    const ms = allow ? this.#ms.allow : this.#ms.deny
    if (ms === 0) return
    this.#kept.delete(key) // a new decision counts as new
    this.#kept.set(key, { allow, until: this.#clock.now() + ms })
    if (this.#kept.size > most) this.#kept.delete(this.#kept.keys().next().value!)
  }
}

/** Of fixed length, however much was asked; the question itself may hold what people wrote. */
export function questionKey(question: string): string {
  return hash('sha256', question, 'base64url')
}
