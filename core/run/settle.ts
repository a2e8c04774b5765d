import type { Log, Outcome } from '../contract.ts'
import type { AnyExchange, Step } from './program.ts'

/** Tells every stage how it ended, each guarded: one that throws must not keep the news from the next. */
export function settle(steps: readonly Step[], outcome: Outcome, enter: (step: Step) => AnyExchange, log: Log): void {
  for (const step of steps) {
    try {
      step.settled!(enter(step), outcome)
    } catch (error) {
      log.error({ stage: step.name, err: error }, 'settled_hook_failed')
    }
  }
}
