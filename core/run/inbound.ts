import { randomUUID } from 'node:crypto'
import type { RawHeaders } from '../contract.ts'
import type { ErrorCode } from '../errors.ts'
import { statusOf } from '../errors.ts'
import type { ClientAnswer, ClientRequest, ClientSocket } from './client-message.ts'
import type { Inbound, Peer } from './exchange.ts'
import { sameName } from './raw-headers.ts'
import { hostProblem, targetProblem } from './target.ts'

export const MAX_TARGET = 16 * 1024
const MAX_ID = 128

/** For every path: what a route allows beside is the router's to say. */
export const ALLOW = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] as const

export interface Refusal {
  readonly status: number
  readonly code: ErrorCode
  readonly detail?: string
  readonly headers?: RawHeaders
  /** Seconds. */
  readonly retryAfter?: number
  /** The framing is in doubt: whatever follows on this connection is not to be believed. */
  readonly close: boolean
}

/** What node:http forgives and a proxy may not: read off the raw headers in one pass. */
export interface Framing {
  hosts: number
  host: string
  lengths: number
  length: string
  codings: number
  coding: string
  upgrade: string
  correlationId: string
}

function readFraming(raw: readonly string[]): Framing {
  const f: Framing = {
    hosts: 0,
    host: '',
    lengths: 0,
    length: '',
    codings: 0,
    coding: '',
    upgrade: '',
    correlationId: '',
  }
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    const value = raw[i + 1]!
    switch (name.length) {
      case 4:
        if (sameName(name, 'host')) {
          f.hosts++
          f.host = value
        }
        break
      case 7:
        if (sameName(name, 'upgrade')) f.upgrade = value
        break
      case 14:
        if (sameName(name, 'content-length')) {
          f.lengths++
          f.length = value
        }
        break
      case 16:
        if (sameName(name, 'x-correlation-id')) f.correlationId = value
        break
      case 17:
        if (sameName(name, 'transfer-encoding')) {
          f.codings++
          f.coding = value
        }
    }
  }
  return f
}

function framingRefusal(req: ClientRequest, f: Framing): Refusal | undefined {
  if (req.httpVersionMajor !== 1 || req.httpVersionMinor > 1) return bad('only HTTP/1.1 and HTTP/1.0 are spoken here')
  if (f.hosts !== 1 && !(f.hosts === 0 && req.httpVersionMinor === 0)) return bad('a request carries exactly one Host')
  const host = f.hosts === 1 ? hostProblem(f.host) : undefined
  if (host) return bad(host)
  if (f.lengths > 1) return bad('Content-Length is repeated')
  if (f.codings > 0 && f.lengths > 0) return bad('Content-Length and Transfer-Encoding together')
  if (f.codings > 1) return bad('Transfer-Encoding is repeated')
  if (f.codings === 1 && f.coding.trim().toLowerCase() !== 'chunked') {
    return refusal('NOT_IMPLEMENTED', 'only the chunked transfer coding is known')
  }
  if (f.codings === 1 && req.httpVersionMinor === 0) return bad('HTTP/1.0 has no transfer codings')
  return undefined
}

function targetRefusal(req: ClientRequest): Refusal | undefined {
  const target = req.url ?? ''
  if (target.length > MAX_TARGET) return refusal('TARGET_TOO_LONG', `the target is longer than ${MAX_TARGET} bytes`)
  if (req.method === 'TRACE' || req.method === 'CONNECT') {
    return { ...refusal('METHOD_NOT_ALLOWED', `${req.method} is never forwarded`), headers: [...ALLOW] }
  }
  const problem = targetProblem(target)
  return problem ? { status: 400, code: 'BAD_TARGET', detail: problem, close: false } : undefined
}

/** Core's own refusals, before any stage sees the request. */
export function inspect({ req, framing: f }: Arrival): Refusal | undefined {
  return framingRefusal(req, f) ?? targetRefusal(req) ?? upgradeRefusal(f)
}

/** Only WebSocket is an upgrade here; an offer of h2c or anything else is ignored, as RFC 9110 §7.8 allows. */
function upgradeRefusal(f: Framing): Refusal | undefined {
  return f.upgrade.toLowerCase() === 'websocket' ? refusal('NOT_IMPLEMENTED', 'upgrades are not built yet') : undefined
}

function bad(detail: string): Refusal {
  return refusal('BAD_REQUEST', detail)
}

export function refusal(code: ErrorCode, detail: string): Refusal {
  return { status: statusOf(code), code, detail, close: true }
}

const sane = /^[A-Za-z0-9._:-]+$/

/** The client's id where it is short and harmless in a log line and a header, else a new one. */
export function correlationId(given: string): string {
  return given.length > 0 && given.length <= MAX_ID && sane.test(given) ? given : randomUUID()
}

/** A request whose head was read, and what it is answered with. */
export interface Arrival {
  readonly req: ClientRequest
  readonly res: ClientAnswer
  readonly inbound: Inbound
  readonly framing: Framing
  readonly body: boolean
  /** `100 Continue` was asked for, and waits for the verdict. */
  readonly expectation: boolean
  /** Known before its turn came. */
  refused: Refusal | undefined
}

export function arrivalOf(req: ClientRequest, res: ClientAnswer, expectation: boolean): Arrival {
  const framing = readFraming(req.rawHeaders)
  const inbound: Inbound = {
    id: correlationId(framing.correlationId),
    method: req.method ?? '',
    target: req.url ?? '',
    upgrade: framing.upgrade.toLowerCase() === 'websocket',
    rawHeaders: req.rawHeaders,
    client: peerOf(req.socket),
  }
  return { req, res, inbound, framing, body: hasBody(framing), expectation, refused: undefined }
}

function hasBody(f: Framing): boolean {
  return f.codings > 0 || (f.lengths > 0 && Number(f.length) > 0)
}

export function peerOf(socket: Pick<ClientSocket, 'remoteAddress' | 'remotePort' | 'encrypted'>): Peer {
  return { ip: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, tls: socket.encrypted === true }
}
