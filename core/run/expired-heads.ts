import type { Duplex } from 'node:stream'

/** Refusing one costs about what a request does, and node:http finds all that have expired at once. */
const PER_TURN = 16

/** Connections whose head did not come in time, ended a few a turn: thousands of slow clients must not stall the others as they go. */
export class ExpiredHeads {
  readonly #waiting: (() => void)[] = []
  #running = false

  /** Nothing more is read of it: a head that comes now is too late. */
  add(socket: Duplex, refuse: () => void): void {
    socket.pause()
    this.#waiting.push(refuse)
    if (this.#running) return
    this.#running = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    for (const refuse of this.#waiting.splice(0, PER_TURN)) refuse()
    this.#running = this.#waiting.length > 0
    if (this.#running) setImmediate(() => this.#turn())
  }
}
