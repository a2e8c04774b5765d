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

const failures = new Map<string, number>()

/** How many settled hooks failed since the process began, by stage. */
export function settledFailures(): Readonly<Record<string, number>> {
  return Object.fromEntries(failures)
}

/** Counted each time, told the first few times and then every thousandth: a hook that always fails must not fill the log. */
function tellFailed({ name }: Step, error: unknown, log: Log): void {
  const count = (failures.get(name) ?? 0) + 1
  failures.set(name, count)
  if (count <= 10 || count % 1_000 === 0) log.error({ stage: name, count, err: error }, 'settled_hook_failed')
}
