import { createHash } from 'node:crypto'
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import process from 'node:process'
import type { RawHeaders } from '../contract.ts'
import type { ClientRequest } from './client-message.ts'
import { allValues } from './raw-headers.ts'

/** Of RFC 6455 §1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const version = '13'
/** Sixteen bytes in base64. */
const key = /^[A-Za-z0-9+/]{21}[AQgw]==$/

/** Told to a client that speaks another version (RFC 6455 §4.4). */
export const WEBSOCKET_VERSION = ['Sec-WebSocket-Version', version] as const

/** What is wrong with an opening handshake (RFC 6455 §4.2.1); undefined where nothing is. */
export function handshakeProblem({ method, httpVersionMinor, rawHeaders }: ClientRequest): string | undefined {
  if (method !== 'GET' || httpVersionMinor === 0) return 'a WebSocket handshake is a GET of HTTP/1.1'
  const [protocol = '', ...others] = allValues(rawHeaders, 'upgrade')
  if (others.length > 0 || protocol.toLowerCase() !== 'websocket')
    return 'Upgrade offers websocket and nothing beside it'
  if (single(rawHeaders, 'sec-websocket-version') !== version) {
    return `Sec-WebSocket-Version is ${version}, and stands once`
  }
  if (!key.test(single(rawHeaders, 'sec-websocket-key') ?? ''))
    return 'Sec-WebSocket-Key is sixteen bytes in base64, and stands once'
  return undefined
}

function single(raw: RawHeaders, name: string): string | undefined {
  const values = allValues(raw, name)
  return values.length === 1 ? values[0] : undefined
}

interface HandshakeOwner {
  /** Bytes came before the answer. */
  early(): void
  /** The client left before the answer. */
  left(): void
}

/**
 * The client's connection from its handshake to the answer. node:http lets go of a socket that asks for an upgrade: until a 101 is sent this
 * is what it would have done, so that a refusal is an ordinary answer.
 */
export class Handshake {
  readonly res: ServerResponse
  readonly #socket: Socket
  readonly #rawHeaders: RawHeaders
  #owner: HandshakeOwner | undefined

  constructor(req: IncomingMessage, socket: Socket) {
    this.#socket = socket
    this.#rawHeaders = req.rawHeaders
    this.res = new ServerResponse(req)
    this.res.shouldKeepAlive = false
    this.res.assignSocket(socket)
    socket.on('error', ignore)
    socket.on('drain', this.#onDrain).on('timeout', this.#onTimeout).on('data', this.#onData).on('end', this.#onEnd)
    this.res.on('finish', () => this.#finished())
  }

  /** From here on the owner hears what the client does. `head`: whether bytes came with the handshake itself. */
  watch(owner: HandshakeOwner): void {
    this.#owner = owner
  }

  /** Why an upstream's 101 is none; undefined where it accepts this very handshake (RFC 6455 §4.2.2). */
  refuses(headers: RawHeaders): string | undefined {
    const accepted = single(headers, 'sec-websocket-accept')
    const [given = ''] = allValues(this.#rawHeaders, 'sec-websocket-key')
    return accepted === acceptOf(given) ? undefined : 'Sec-WebSocket-Accept does not belong to the key'
  }

  /** The bare connection, for whoever writes the 101. */
  release(): Socket {
    const socket = this.#socket
    this.res.detachSocket(socket)
    socket.off('drain', this.#onDrain).off('timeout', this.#onTimeout).off('data', this.#onData).off('end', this.#onEnd)
    socket.setTimeout(0)
    return socket
  }

  readonly #onDrain = (): void => void this.res.emit('drain')
  readonly #onTimeout = (): void => void this.res.emit('timeout')
  readonly #onData = (): void => this.#owner?.early()
  readonly #onEnd = (): void => this.#owner?.left()

  #finished(): void {
    this.res.detachSocket(this.#socket)
    this.#socket.destroySoon()
    process.nextTick(() => this.res.emit('close'))
  }
}

export function acceptOf(given: string): string {
  return createHash('sha1')
    .update(given + GUID)
    .digest('base64')
}

function ignore(): void {}
