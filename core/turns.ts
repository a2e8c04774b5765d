import { setImmediate as turn } from 'node:timers/promises'

/** About a millisecond or two of work on routes. */
const SLICE = 100

/** `items.map(each)`, in slices: requests are answered in between, as a reload of ten thousand routes must not stall them. */
export async function mapInTurns<T, R>(items: readonly T[], each: (item: T, at: number) => R): Promise<R[]> {
  const made: R[] = []
  for (const [at, item] of items.entries()) {
    if (at % SLICE === SLICE - 1) await turn()
    made.push(each(item, at))
  }
  return made
}
