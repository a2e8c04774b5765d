import type { Log, Outcome } from '../contract.ts'
import type { AnyExchange, Step } from './program.ts'
import { isThenable } from './verdict.ts'

/** Tells every stage how it ended, each guarded: one that throws must not keep the news from the next. */
export function settle(steps: readonly Step[], outcome: Outcome, enter: (step: Step) => AnyExchange, log: Log): void {
  for (const step of steps) {
    try {
      const given: unknown = step.settled!(enter(step), outcome)
      // No one waits, but its rejection would end the process.
      if (isThenable(given)) given.then(undefined, (error: unknown) => tellFailed(step, error, log))
    } catch (error) {
      tellFailed(step, error, log)
    }
  }
}

function tellFailed({ name }: Step, error: unknown, log: Log): void {
  log.error({ stage: name, err: error }, 'settled_hook_failed')
}
