import { setImmediate as turn } from 'node:timers/promises'

/** Milliseconds of work on routes before requests are answered again: a reload of ten thousand must not stall them. */
const SLICE_MS = 5

/** How long work has gone on in one turn of the loop. */
export class Slices {
  #began = performance.now()

  get over(): boolean {
    return performance.now() - this.#began >= SLICE_MS
  }

  async next(): Promise<void> {
    await turn()
    this.#began = performance.now()
  }
}

/** `items.map(each)`, a few milliseconds at a time: for a plugin's `setup` that prepares something for each of `host.routes`. */
export async function mapInTurns<T, R>(items: readonly T[], each: (item: T, at: number) => R): Promise<R[]> {
  const slices = new Slices()
  const made: R[] = []
  for (let at = 0; at < items.length; at++) {
    if (slices.over) await slices.next()
    made.push(each(items[at]!, at))
  }
  return made
}
