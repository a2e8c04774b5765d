import { randomUUID } from 'node:crypto'
import type { HttpVersion, RawHeaders } from '../contract.ts'
import type { ErrorCode } from '../errors.ts'
import { statusOf } from '../errors.ts'
import type { ClientAnswer, ClientRequest, ClientSocket } from './client-message.ts'
import type { Inbound, Peer } from './exchange.ts'
import type { Limits } from './limits.ts'
import type { OwnNames } from './own-names.ts'
import { sameName } from './raw-headers.ts'
import { hostProblem, targetProblem } from './target.ts'
import { type Handshake, handshakeProblem, WEBSOCKET_VERSION } from './upgrade-handshake.ts'
import { listsWebSocket } from './upgrade-request.ts'

const MAX_ID = 128

/** For every path: what a route allows beside is the router's to say. */
export const ALLOW = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] as const

/** RFC 6455 §4.1; sent on with the handshake they would be whatever the upstream takes them for (CVE-2025-64763). */
export const tooEarly = 'bytes came before the WebSocket handshake was answered'

/** What core answers itself: nearly always that it refuses. */
export interface Refusal {
  readonly status: number
  readonly code: ErrorCode | 'OK'
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
  expect: string
  maxForwards: string
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
    expect: '',
    maxForwards: '',
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
      case 6:
        if (sameName(name, 'expect')) f.expect += f.expect === '' ? value : `, ${value}`
        break
      case 7:
        if (sameName(name, 'upgrade')) f.upgrade = value
        break
      case 12:
        if (sameName(name, 'max-forwards')) f.maxForwards = value
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

function framingRefusal({ req, framing: f, authority }: Arrival, limits: Limits): Refusal | undefined {
  const old = req.httpVersionMajor === 1 && req.httpVersionMinor === 0
  if (req.rawHeaders.length > 2 * limits.headerFields) {
    return refusal('HEADERS_TOO_LARGE', `more than ${limits.headerFields} header fields`)
  }
  if (f.hosts !== 1 && !(f.hosts === 0 && old)) return bad('a request carries exactly one Host')
  const named = f.hosts === 1 ? f.host : authority
  const host = named === undefined ? undefined : hostProblem(named)
  if (host) return bad(host)
  if (authority !== undefined && f.hosts === 1 && f.host.toLowerCase() !== authority.toLowerCase()) {
    return bad('Host and the target name two hosts')
  }
  if (f.lengths > 1) return bad('Content-Length is repeated')
  if (f.codings > 0 && f.lengths > 0) return bad('Content-Length and Transfer-Encoding together')
  if (f.codings > 1) return bad('Transfer-Encoding is repeated')
  if (f.codings === 1 && f.coding.trim().toLowerCase() !== 'chunked') {
    return refusal('NOT_IMPLEMENTED', 'only the chunked transfer coding is known')
  }
  if (f.codings === 1 && old) return bad('HTTP/1.0 has no transfer codings')
  if (f.lengths === 1 && !(Number(f.length) <= Math.min(limits.body, Number.MAX_SAFE_INTEGER))) {
    return refusal('BODY_TOO_LARGE', 'Content-Length is more than is taken here')
  }
  if (f.expect !== '' && !old && f.expect.toLowerCase() !== '100-continue') {
    return refusal('EXPECTATION_FAILED', 'only 100-continue can be expected')
  }
  return undefined
}

function targetRefusal({ req, inbound, framing: f, authority }: Arrival, own: OwnNames, limits: Limits) {
  const { method, target } = inbound
  if (method === 'TRACE' || method === 'CONNECT') {
    return { ...refusal('METHOD_NOT_ALLOWED', `${method} is never forwarded`), headers: [...ALLOW] }
  }
  if (target.length > limits.path && pathLength(target) > limits.path) {
    return refusal('TARGET_TOO_LONG', `the path is longer than ${limits.path} bytes`)
  }
  if ((req.url ?? '').length > limits.target) {
    return refusal('TARGET_TOO_LONG', `the target is longer than ${limits.target} bytes`)
  }
  if (authority !== undefined && !own.has(authority))
    return badTarget('the target names a host that is not served here')
  if (method === 'OPTIONS' && (target === '*' || /^0+$/.test(f.maxForwards))) return options
  const problem = targetProblem(target)
  return problem === undefined ? undefined : badTarget(problem)
}

function pathLength(target: string): number {
  const mark = target.indexOf('?')
  return mark === -1 ? target.length : mark
}

/** About the server itself, or not to go any further (RFC 9110 §7.6.2, §9.3.7): answered here. */
const options: Refusal = { status: 204, code: 'OK', headers: [...ALLOW], close: false }

function badTarget(detail: string): Refusal {
  return { status: 400, code: 'BAD_TARGET', detail, close: false }
}

/** Core's own answers to what came over HTTP/1, before any stage sees the request. The parser takes `HTTP/2.0` in a request line for a version, too. */
export function inspect(arrival: Arrival, own: OwnNames, limits: Limits): Refusal | undefined {
  const { httpVersionMajor, httpVersionMinor } = arrival.req
  if (httpVersionMajor !== 1 || httpVersionMinor > 1)
    return bad('only HTTP/1.1 and HTTP/1.0 are spoken on this connection')
  return inspectRequest(arrival, own, limits)
}

/** What every version is held to. */
export function inspectRequest(arrival: Arrival, own: OwnNames, limits: Limits): Refusal | undefined {
  return framingRefusal(arrival, limits) ?? targetRefusal(arrival, own, limits) ?? upgradeRefusal(arrival)
}

/** Only WebSocket is an upgrade here; an offer of h2c or anything else is ignored, as RFC 9110 §7.8 allows. */
function upgradeRefusal({ req, framing: f, body, handshake }: Arrival): Refusal | undefined {
  if (!handshake) {
    const asked = f.upgrade !== '' && listsWebSocket(f.upgrade)
    return asked ? bad('Upgrade: websocket wants Connection: Upgrade beside it') : undefined
  }
  // Its bytes would be the first of the new protocol to one parser, a body to another (CVE-2026-58055).
  if (body || f.lengths > 0) return bad('a WebSocket handshake has no body')
  const problem = handshakeProblem(req)
  return problem === undefined ? undefined : { ...bad(problem), headers: [...WEBSOCKET_VERSION] }
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
  /** Of an absolute-form target, which was cut to its path. */
  readonly authority: string | undefined
  readonly body: boolean
  /** `100 Continue` was asked for, and waits for the verdict. */
  readonly expectation: boolean
  /** Of a request that asks for an upgrade. */
  readonly handshake: Handshake | undefined
  /** Known before its turn came. */
  refused: Refusal | undefined
}

export function arrivalOf(req: ClientRequest, res: ClientAnswer, expectation: boolean): Arrival {
  return readArrival(req, res, { expectation, handshake: undefined })
}

/** A request that asks for an upgrade: what it expects beside is moot, as its body is. */
export function upgradeArrival(req: ClientRequest, handshake: Handshake): Arrival {
  return readArrival(req, handshake.res, { expectation: false, handshake })
}

/** On a stream whether a body follows is told by the stream. */
export function streamArrival(req: ClientRequest, res: ClientAnswer): Arrival {
  const arrival = readArrival(req, res, { expectation: false, handshake: undefined })
  const expectation = arrival.framing.expect.toLowerCase() === '100-continue'
  return { ...arrival, body: !req.complete, expectation }
}

function readArrival(
  req: ClientRequest,
  res: ClientAnswer,
  { expectation, handshake }: Pick<Arrival, 'expectation' | 'handshake'>,
): Arrival {
  const framing = readFraming(req.rawHeaders)
  const url = req.url ?? ''
  const [authority, path] = url.charCodeAt(0) === SLASH ? [undefined, url] : partsOf(url, req.method)
  const nameless = authority !== undefined && framing.hosts === 0
  const inbound: Inbound = {
    id: correlationId(framing.correlationId),
    method: req.method ?? '',
    target: path,
    httpVersion: versionOf(req),
    upgrade: handshake !== undefined,
    rawHeaders: nameless ? ['Host', authority, ...req.rawHeaders] : req.rawHeaders,
    client: peerOf(req.socket),
  }
  return { req, res, inbound, framing, authority, body: hasBody(framing), expectation, handshake, refused: undefined }
}

function versionOf({ httpVersionMajor, httpVersionMinor }: ClientRequest): HttpVersion {
  if (httpVersionMajor === 2) return '2.0'
  return httpVersionMinor === 0 ? '1.0' : '1.1'
}

const SLASH = 0x2f

/** What a client says to a proxy, `GET http://app.example/path`, must be understood by every server (RFC 9112 §3.2.2). */
function partsOf(target: string, method: string | undefined): readonly [authority: string | undefined, target: string] {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]+)(.*)$/is.exec(target) ?? []
  if (authority === undefined) return [undefined, target]
  if (rest === '' && method === 'OPTIONS') return [authority, '*']
  return [authority, rest.startsWith('/') ? rest : `/${rest}`]
}

function hasBody(f: Framing): boolean {
  return f.codings > 0 || (f.lengths > 0 && Number(f.length) > 0)
}

export function peerOf(socket: Pick<ClientSocket, 'remoteAddress' | 'remotePort' | 'encrypted'>): Peer {
  return { ip: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, tls: socket.encrypted === true }
}
