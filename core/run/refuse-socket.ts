import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Outcome } from '../contract.ts'
import { type ErrorCode, fault, statusOf } from '../errors.ts'
import { type Inbound, LiveExchange, type Runner } from './exchange.ts'
import type { Ground } from './flight.ts'
import { peerOf } from './inbound.ts'
import { problemBody, problemHeaders } from './problem.ts'
import type { AnyExchange } from './program.ts'
import { settle } from './settle.ts'

/** Answers what node:http could not turn into a request, closes, and lets the observers know. */
export function refuseSocket(socket: Duplex, code: ErrorCode, ground: Ground, req?: IncomingMessage): void {
  const id = randomUUID()
  const status = statusOf(code)
  const body = Buffer.from(problemBody({ status, code, correlationId: id }))
  const headers = problemHeaders(status, id)
  if (status === 405) headers.push('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  headers.push('Content-Length', String(body.length), 'Connection', 'close')
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  socket.on('error', () => {})
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]), () => socket.destroy())
  tell(ground, inboundOf(id, socket, req), { status, code, bytesOut: body.length })
}

function inboundOf(id: string, socket: Duplex, req: IncomingMessage | undefined): Inbound {
  return {
    id,
    method: req?.method ?? '',
    target: req?.url ?? '',
    upgrade: false,
    rawHeaders: req?.rawHeaders ?? [],
    client: peerOf(socket as Socket),
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
  settle(ground.pipeline.unrouted.settlers, outcome, enter, ground.log)
}

/** There was never a request to run: no slots, no body, nothing to cancel. */
class NoRunner implements Runner {
  readonly body = {
    kind: 'none' as const,
    bytes: () => Promise.resolve(new Uint8Array()),
    take: () => null,
  }
  readonly signal = AbortSignal.abort()
  reads: ReadonlySet<string> = new Set<string>()
  readonly slots = {}
  readonly position = -1
  said(): void {}
  cancel(): void {}
}
