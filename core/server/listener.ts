import http, { type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Connection } from '../run/connection.ts'
import { ExpiredHeads } from '../run/expired-heads.ts'
import type { Ground } from '../run/ground.ts'
import { arrivalOf } from '../run/inbound.ts'
import type { Limits } from '../run/limits.ts'
import { UpgradableRequest } from '../run/upgrade-request.ts'

/** The public front: what node:http says of its connections, handed to the Connection that knows them. `ground` answers the generation of the moment. */
export function createListener(ground: () => Ground): Server {
  const server = http.createServer(http1Options)
  serveHttp1(server, ground)
  return server
}

export const http1Options: ServerOptions = {
  IncomingMessage: UpgradableRequest,
  requestTimeout: 0, // a long upload is no attack; ClientBody ends one that stops moving
  connectionsCheckingInterval: 200, // slow heads are cut in slices as small as they came in
  insecureHTTPParser: false,
  requireHostHeader: false, // told by us, as a problem, and logged
}

/** `server`: one made with `http1Options`, of node:http or node:https. */
export function serveHttp1(server: Server, ground: () => Ground): void {
  server.maxHeadersCount = 0 // the default drops fields silently past 2,000; `limits` bounds them
  followLimits(server, ground)
  tellDropped(server, ground)
  const known = new WeakMap<object, Connection>()
  const expired = new ExpiredHeads()

  function connection(socket: Duplex): Connection {
    let found = known.get(socket)
    if (!found) {
      found = new Connection(socket as Socket, ground)
      known.set(socket, found)
    }
    return found
  }

  function take(req: IncomingMessage, res: ServerResponse, expectation: boolean): void {
    connection(req.socket).take(arrivalOf(req, res, expectation))
  }

  server.on('request', (req, res) => take(req, res, false))
  server.on('checkContinue', (req, res) => take(req, res, true))
  server.on('checkExpectation', (req, res) => take(req, res, false)) // `inspect` sees the raw fields, and refuses it
  server.on('upgrade', (req, socket, head) => connection(socket).upgrade(req, head))
  server.on('connect', (req, socket) => connection(socket).refuse({ code: 'METHOD_NOT_ALLOWED', req }))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') expired.add(socket, () => connection(socket).unreadable(error))
    else connection(socket).unreadable(error)
  })
}

/** node:http reads its own properties anew for each connection: those made after a reload have the new limits. */
function followLimits(server: Server & { maxHeaderSize?: number }, ground: () => Ground): void {
  let applied: Limits | undefined
  function follow(): void {
    const { limits } = ground()
    if (limits === applied) return
    applied = limits
    server.maxHeaderSize = limits.headers
    server.headersTimeout = limits.headersTimeout
    server.keepAliveTimeout = limits.keepAlive
    server.maxConnections = limits.connections
  }
  follow()
  server.prependListener('connection', follow)
}

const TELL_MS = 1_000

/** Connections beyond the limit are closed unheard: told once a second, as they come by the thousand. */
function tellDropped(server: Server, ground: () => Ground): void {
  let count = 0
  server.on('drop', () => {
    if (count++ > 0) return
    setTimeout(() => {
      const { log, limits } = ground()
      log.warn(
        { dropped: count, limit: limits.connections },
        'connections_dropped: server.limits.connections is reached',
      )
      count = 0
    }, TELL_MS).unref()
  })
}
