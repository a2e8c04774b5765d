import type { Log } from '../contract.ts'
import { type ErrorCode, statusOf } from '../errors.ts'
import { ServerContext } from '../generation/server-context.ts'
import { stageNumber } from '../run/current-stage.ts'
import type { Ground } from '../run/ground.ts'
import { defaultLimits } from '../run/limits.ts'
import { OwnNames } from '../run/own-names.ts'
import { type AnyExchange, program, type Step } from '../run/program.ts'

/** What requests begin in while there is no generation: every one of them is told to come again. */
export function closedGround(log: Log, code: ErrorCode, detail: string): Ground {
  const refuse: Step = {
    name: 'core',
    number: stageNumber('core'),
    terminal: false,
    provides: [],
    reads: new Set(),
    timeout: 0,
    run: (x: AnyExchange) => x.reply(statusOf(code), code, { detail, retryAfter: 1 }),
    response: undefined,
    settled: undefined,
  }
  const pipeline = { unrouted: program(undefined, [refuse]), programs: new Map() }
  const { traces, metrics } = new ServerContext(log)
  const names = new OwnNames(['http://localhost'], [])
  return {
    pipeline,
    log,
    traces,
    metrics,
    limits: defaultLimits,
    names,
    draining: true,
    closed: false,
    began() {},
    ended() {},
    lasts() {},
  }
}
