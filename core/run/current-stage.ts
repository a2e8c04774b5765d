/** Cell 0: heartbeat; cell 1: the number of the stage whose `run` is on the stack, 0 for none. Shared with the watchdog's thread. */
export const currentStage = new Int32Array(new SharedArrayBuffer(8))

const names: string[] = ['']
const listeners = new Set<(number: number, name: string) => void>()

/** A number for a stage's name; the same for the same name. */
export function stageNumber(name: string): number {
  const known = names.indexOf(name, 1)
  if (known !== -1) return known
  const number = names.push(name) - 1
  for (const tell of listeners) tell(number, name)
  return number
}

/** Tells all names so far, and those to come. */
export function onStageName(tell: (number: number, name: string) => void): void {
  names.forEach((name, number) => {
    if (number > 0) tell(number, name)
  })
  listeners.add(tell)
}
