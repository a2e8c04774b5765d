import type { Outcome } from '../contract.ts'
import type { Ground } from './ground.ts'
import type { AnyExchange, Step } from './program.ts'
import { isThenable } from './verdict.ts'

type Told = Pick<Ground, 'log' | 'metrics'>

/** Tells every stage how it ended, each guarded: one that throws must not keep the news from the next. */
export function settle(steps: readonly Step[], outcome: Outcome, enter: (step: Step) => AnyExchange, told: Told): void {
  for (const step of steps) {
    try {
      const given: unknown = step.settled!(enter(step), outcome)
      // No one waits, but its rejection would end the process.
      if (isThenable(given)) given.then(undefined, (error: unknown) => tellFailed(step, error, told))
    } catch (error) {
      tellFailed(step, error, told)
    }
  }
}

/** Counted each time, told the first few times and then every thousandth: a hook that always fails must not fill the log. */
function tellFailed({ name }: Step, error: unknown, { log, metrics }: Told): void {
  const count = metrics.settledFailed(name)
  if (count <= 10 || count % 1_000 === 0) log.error({ stage: name, count, err: error }, 'settled_hook_failed')
}
