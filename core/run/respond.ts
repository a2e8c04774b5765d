import type { Head, RawHeaders } from '../contract.ts'
import { fault } from '../errors.ts'
import { assertSendable } from './fields.ts'
import { LiveHead } from './head.ts'
import type { AnyExchange, Responder, Step } from './program.ts'
import { firstValue } from './raw-headers.ts'
import { isThenable } from './verdict.ts'

/** How far the request got, and how a hook's exchange is had. */
interface Passage {
  readonly position: number
  enter(step: Step): AnyExchange
  /** This stage's hook threw: it is the one that decided how the request ends. */
  blame(step: Step): void
}

/** Runs the response hooks of the stages the request got past, and answers the status they leave. Throws where what they leave cannot be sent. */
export function respond(
  responders: readonly Responder[],
  passage: Passage,
  status: number,
  headers: RawHeaders,
  by: Head['by'],
): number {
  const length = firstValue(headers, 'content-length')
  const head = new LiveHead(status, headers, by)
  for (const { from, step } of responders) {
    if (from > passage.position) continue
    try {
      run(step, passage.enter(step), head)
    } catch (error) {
      passage.blame(step)
      throw error
    }
  }
  if (status === 101 && head.status !== 101) throw fault('INTERNAL', 'a response hook may not change an upgrade')
  assertSendable(status === 101 ? 200 : head.status, headers, length) // `headers.raw` is theirs to write
  return head.status
}

function run(step: Step, x: AnyExchange, head: Head): void {
  const given: unknown = step.response!(x, head)
  if (!isThenable(given)) return
  given.then(undefined, ignore)
  throw fault('INTERNAL', `the response hook of ${step.name} is asynchronous; what needs waiting belongs in run`)
}

function ignore(): void {}
