import type { Log, Outcome } from '../contract.ts'
import type { AnyExchange, Step } from './program.ts'
import { isThenable } from './verdict.ts'

/** Tells every stage how it ended, each guarded: one that throws must not keep the news from the next. */
export function settle(steps: readonly Step[], outcome: Outcome, enter: (step: Step) => AnyExchange, log: Log): void {
  for (const step of steps) {
    const failed = (error: unknown) => log.error({ stage: step.name, err: error }, 'settled_hook_failed')
    try {
      const given: unknown = step.settled!(enter(step), outcome)
      if (isThenable(given)) given.then(undefined, failed) // no one waits, but its rejection would end the process
    } catch (error) {
      failed(error)
    }
  }
}
