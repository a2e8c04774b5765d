import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Connection } from './run/connection.ts'
import type { Ground } from './run/ground.ts'
import { arrivalOf, refusal } from './run/inbound.ts'
import { defaultLimits, type Limits } from './run/limits.ts'

/** The public front: what node:http says of its connections, handed to the Connection that knows them. `ground` answers the generation of the moment. */
export function createListener(ground: () => Ground, limits: Limits = defaultLimits): Server {
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
  const known = new WeakMap<object, Connection>()

  function connection(socket: Duplex): Connection {
    let found = known.get(socket)
    if (!found) {
      found = new Connection(socket as Socket, ground, limits)
      known.set(socket, found)
    }
    return found
  }

  function take(req: IncomingMessage, res: ServerResponse, expectation: boolean): void {
    connection(req.socket).take(arrivalOf(req, res, expectation))
  }

  server.on('request', (req, res) => take(req, res, false))
  server.on('checkContinue', (req, res) => take(req, res, true))
  server.on('checkExpectation', (req, res) => {
    const arrival = arrivalOf(req, res, false)
    arrival.refused = refusal('EXPECTATION_FAILED', 'only 100-continue can be expected')
    connection(req.socket).take(arrival)
  })
  server.on('connect', (req, socket) => connection(socket).refuse({ code: 'METHOD_NOT_ALLOWED', req }))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => connection(socket).unreadable(error))
  return server
}
