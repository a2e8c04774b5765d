/** Places for requests under way to one service. There is no queue: who waits behind a service that does not answer only waits to fail. */
export class Bulkhead {
  readonly #size: number
  #taken = 0

  constructor(size: number) {
    this.#size = size
  }

  get taken(): number {
    return this.#taken
  }

  get full(): boolean {
    return this.#taken >= this.#size
  }

  enter(): void {
    this.#taken++
  }

  leave(): void {
    this.#taken--
  }
}
