import { Server, type ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TlsSettings } from '../config/tls-settings.ts'
import type { Ground } from '../run/ground.ts'
import { http2Front } from '../run/http2/http2-front.ts'
import { http1Options, serveHttp1 } from './listener.ts'

/** How long a handshake may take. */
const HANDSHAKE_MS = 10_000

/**
 * HTTP/2 and HTTP/1.1 on one port, whichever the client chooses (ALPN, RFC 7301). Not the server of node:http2 with `allowHTTP1`: that one
 * has none of the limits and closings that node:https gives HTTP/1.
 */
export class TlsListener extends Server {
  readonly #http2: ReturnType<typeof http2Front>
  /** In a handshake or past it. */
  readonly #sockets = new Set<Socket>()

  constructor(tls: TlsSettings, ground: () => Ground) {
    super({
      ...http1Options,
      ...contextOf(tls),
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: HANDSHAKE_MS,
    })
    this.#http2 = http2Front(ground)
    this.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    const http1 = this.listeners('secureConnection')
    this.removeAllListeners('secureConnection')
    this.on('secureConnection', (socket: TLSSocket) => {
      resettable(socket)
      if (socket.alpnProtocol === 'h2') this.#http2.accept(socket)
      else for (const listener of http1) listener.call(this, socket)
    })
    serveHttp1(this, ground)
  }

  /** For connections from now on; those that are there keep theirs. */
  renew(tls: TlsSettings): void {
    this.setSecureContext(contextOf(tls))
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections()
    this.#http2.close()
  }

  override closeAllConnections(): void {
    super.closeAllConnections()
    this.#http2.closeAll()
    for (const socket of this.#sockets) socket.destroy() // those in a handshake, too: a shutdown waits for no one
  }
}

function contextOf({ cert, key, min_version, client_ca }: TlsSettings): ServerOptions {
  const client = client_ca === undefined ? {} : { ca: client_ca, requestCert: true, rejectUnauthorized: true }
  return { cert, key, minVersion: min_version, ...client }
}

/**
 * Node cannot reset the connection below TLS. A mere close is no less than an end to clients that do not look for close_notify
 * (RFC 8446 §6.1): they would take a torn answer for a whole one.
 */
function resettable(socket: TLSSocket): void {
  const { _parent: below } = socket as { readonly _parent?: { resetAndDestroy?(): unknown } | null }
  if (below?.resetAndDestroy === undefined) return
  socket.resetAndDestroy = () => {
    below.resetAndDestroy!()
    return socket.destroy()
  }
}
