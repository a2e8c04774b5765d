import type { Flight } from './flight.ts'

/**
 * The requests under way. No Set: that makes a new table every few dozen requests, each old table points to the next one, and so
 * everything that was under way at each change lives on until a full collection.
 */
export class Flights {
  readonly #list: Flight[] = []

  get size(): number {
    return this.#list.length
  }

  add(flight: Flight): void {
    flight.seat = this.#list.length
    this.#list.push(flight)
  }

  /** The last one takes the seat. */
  delete(flight: Flight): void {
    const last = this.#list.pop()
    if (last === undefined || last === flight) return
    this.#list[flight.seat] = last
    last.seat = flight.seat
  }

  /** As they are now. */
  all(): Flight[] {
    return this.#list.slice()
  }
}
