import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ErrorCode } from './errors.ts'
import { Flight, type Ground } from './run/flight.ts'
import { hasBody, inspect, readInbound } from './run/inbound.ts'
import { refuseSocket } from './run/refuse-socket.ts'

/** What node:http could not read, by its error code. */
const unreadable: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** The public front: limits, the first look at a request, and one Flight each. `ground` answers the generation of the moment. */
export function createListener(ground: () => Ground): Server {
  const server = http.createServer({
    maxHeaderSize: 32 * 1024,
    headersTimeout: 10_000,
    requestTimeout: 0, // a long upload is no attack; ClientBody ends one that stops moving
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: 2_000,
    insecureHTTPParser: false,
    requireHostHeader: false, // told by us, as a problem, and logged
  })
  server.maxHeadersCount = 0 // the default drops fields silently past 2,000; maxHeaderSize bounds them
  server.on('request', (req, res) => serve(req, res, ground(), false))
  server.on('checkContinue', (req, res) => serve(req, res, ground(), true))
  server.on('checkExpectation', (req, res) => {
    flight(req, res, ground(), false).refuse(417, 'EXPECTATION_FAILED', 'only 100-continue can be expected')
  })
  server.on('connect', (req, socket) => refuseConnect(req, socket, ground()))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
    const code = unreadable[error.code ?? ''] ?? 'BAD_REQUEST'
    refuseSocket(socket, code, ground())
  })
  return server
}

/** Sockets whose framing is in doubt: node:http hands over what was pipelined behind a refused request, and none of it may run. */
const distrusted = new WeakSet<object>()

function serve(req: IncomingMessage, res: ServerResponse, ground: Ground, expects: boolean): void {
  if (distrusted.has(req.socket)) return
  const { inbound, framing } = readInbound(req)
  const made = new Flight(inbound, req, res, ground, expects, hasBody(framing))
  const refusal = inspect(req, framing)
  if (!refusal) return made.run()
  if (refusal.close) distrust(made, req)
  made.refuse(refusal.status, refusal.code, refusal.detail)
}

function flight(req: IncomingMessage, res: ServerResponse, ground: Ground, expects: boolean): Flight {
  const { inbound, framing } = readInbound(req)
  const made = new Flight(inbound, req, res, ground, expects, hasBody(framing))
  distrust(made, req)
  return made
}

function distrust(made: Flight, req: IncomingMessage): void {
  distrusted.add(req.socket)
  made.closeAfter()
}

function refuseConnect(req: IncomingMessage, socket: Duplex, ground: Ground): void {
  refuseSocket(socket, 'METHOD_NOT_ALLOWED', ground, req)
}
