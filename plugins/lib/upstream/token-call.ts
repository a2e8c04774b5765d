import { clearTimeout, setTimeout } from 'node:timers'
import { fault } from '../../../core/index.ts'
import { now } from '../util/clock.ts'
import { LiveCall, type LiveExchange } from './live-call.ts'

/** Beyond this a timer fires at once. */
const LONGEST_MS = 2 ** 31 - 1

/** Open for as long as the client's own token is good: a new one cannot be sent on what is open already. */
export class TokenCall extends LiveCall {
  readonly #expiresAt: number
  #end: ReturnType<typeof setTimeout> | undefined

  /** `expiresAt` in ms since the epoch. */
  constructor(x: LiveExchange, expiresAt: number) {
    super(x)
    this.#expiresAt = expiresAt
  }

  protected override bind() {
    const left = this.#expiresAt - now()
    if (left <= 0) return expired()
    this.#arm(left)
    return () => clearTimeout(this.#end)
  }

  #arm(left: number): void {
    this.#end = setTimeout(() => this.#due(), Math.min(left, LONGEST_MS))
    this.#end.unref()
  }

  #due(): void {
    const left = this.#expiresAt - now()
    if (left > 0) this.#arm(left)
    else this.ended(expired())
  }
}

function expired() {
  return fault('INVALID_TOKEN', 'the access token has expired')
}
