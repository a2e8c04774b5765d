import type { Log } from '../contract.ts'
import type { CoreMetrics } from '../metrics/core-metrics.ts'
import type { TraceHub } from '../trace/trace.ts'
import type { ClientRequest } from './client-message.ts'
import type { Flight } from './flight.ts'
import type { Limits } from './limits.ts'
import type { OwnNames } from './own-names.ts'
import type { Pipeline } from './program.ts'

/** What a flight needs of the generation it began in. */
export interface Ground {
  readonly pipeline: Pipeline
  readonly log: Log
  readonly traces: TraceHub
  /** For connections made while it is the current one. */
  readonly limits: Limits
  readonly names: OwnNames
  readonly metrics: CoreMetrics
  /** Connections are closed after the answer under way. */
  readonly draining: boolean
  /** What its plugins opened is being closed: nothing can run here any more. */
  readonly closed: boolean
  began(flight: Flight): void
  ended(flight: Flight): void
  /** From here on it lasts as long as its peers like: it may have to change its ground. */
  lasts(flight: Flight): void
}

/** What a flight needs of the connection it came on. */
export interface Line {
  readonly limits: Limits
  /** Nothing will be answered behind this. */
  readonly isLast: boolean
  /** The next close must not overtake the answer: bytes of the client are still unread. */
  closeGently(): void
  ended(): void
  /** Answered, with a body that nobody read to its end. */
  leftUnread(req: ClientRequest): void
}
