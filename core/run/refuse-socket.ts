import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Outcome } from '../contract.ts'
import { type ErrorCode, fault, statusOf } from '../errors.ts'
import { type Inbound, LiveExchange, type Runner } from './exchange.ts'
import type { Ground } from './ground.ts'
import { ALLOW, peerOf } from './inbound.ts'
import type { Limits } from './limits.ts'
import { closeGently } from './linger.ts'
import { problemBody, problemHeaders } from './problem.ts'
import type { AnyExchange } from './program.ts'
import { settle } from './settle.ts'

export interface Refused {
  readonly code: ErrorCode
  /** Where node:http could read so much. */
  readonly req?: IncomingMessage
}

/** Answers what node:http could not turn into a request, closes, and lets the observers know. Only while nothing else answers on the socket. */
export function refuseSocket(socket: Socket, { code, req }: Refused, ground: Ground, limits: Limits): void {
  const id = randomUUID()
  const status = statusOf(code)
  const body = Buffer.from(problemBody({ status, code, correlationId: id, ...saying(code, limits) }))
  const headers = problemHeaders(status, id)
  if (status === 405) headers.push(...ALLOW)
  headers.push('Content-Length', String(body.length), 'Connection', 'close')
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]))
  closeGently(socket, limits)
  tell(ground, inboundOf(id, socket, req), { status, code, bytesOut: body.length })
}

/** Whoever reads this wrote the request by hand, or looks for what between us and them spoils it. */
function saying(code: ErrorCode, { headers }: Limits): { readonly detail?: string } {
  if (code === 'BAD_REQUEST') return { detail: 'what arrived is no HTTP/1.1 request' }
  if (code === 'NOT_IMPLEMENTED') return { detail: 'this method is not known here; methods are written in capitals' }
  if (code === 'HEADERS_TOO_LARGE') return { detail: `target and header fields are larger than ${headers} bytes` }
  return {}
}

function inboundOf(id: string, socket: Socket, req: IncomingMessage | undefined): Inbound {
  return {
    id,
    method: req?.method ?? '',
    target: req?.url ?? '',
    httpVersion: '1.1',
    upgrade: false,
    rawHeaders: req?.rawHeaders ?? [],
    client: peerOf(socket),
  }
}

function tell(ground: Ground, inbound: Inbound, sent: { status: number; code: ErrorCode; bytesOut: number }): void {
  const why = fault(sent.code)
  const outcome: Outcome = {
    result: 'rejected',
    status: sent.status,
    stage: 'core',
    code: sent.code,
    reason: undefined,
    fault: why,
    ms: 0,
    bytesIn: 0,
    bytesOut: sent.bytesOut,
  }
  const runner = new NoRunner()
  const x = new LiveExchange(inbound, runner) as AnyExchange
  const enter = (step: { readonly reads: ReadonlySet<string> }) => {
    runner.reads = step.reads
    return x
  }
  settle(ground.pipeline.unrouted.settlers, outcome, enter, ground)
  ground.pipeline.unrouted.meter?.ended(outcome)
  ground.traces.begin()?.end(x, undefined, undefined, outcome)
}

/** There was never a request to run: no slots, no body, nothing to cancel. */
class NoRunner implements Runner {
  readonly body = {
    kind: 'none' as const,
    bytes: () => Promise.resolve(new Uint8Array()),
    limit() {},
    take: () => null,
  }
  readonly signal = AbortSignal.abort()
  reads: ReadonlySet<string> = new Set<string>()
  readonly slots = {}
  readonly position = -1
  said(): void {}
  cancel(): void {}
}
