import type { Fault, Outcome } from '../contract.ts'

export interface Ending {
  readonly finished: boolean
  readonly upgraded: boolean
  readonly status: number | null
  readonly stage: string
  readonly code: string
  readonly reason: string | undefined
  readonly fault: Fault | undefined
  readonly ms: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** In one place, after the body and the connection had their last word: never on whichever event comes first. */
export function outcomeOf({
  finished,
  upgraded,
  status,
  stage,
  code,
  reason,
  fault,
  ms,
  bytesIn,
  bytesOut,
}: Ending): Outcome {
  const aborted = !finished && (fault === undefined || fault.code === 'CLIENT_CLOSED')
  const result = upgraded ? 'upgraded' : aborted ? 'aborted' : resultOf(fault, code)
  return { result, status, stage, code: aborted ? 'CLIENT_CLOSED' : code, reason, fault, ms, bytesIn, bytesOut }
}

function resultOf(fault: Fault | undefined, code: string): Outcome['result'] {
  if (fault !== undefined && fault.side !== 'client') return 'failed'
  return code === 'OK' ? 'completed' : 'rejected'
}
