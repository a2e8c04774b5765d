// A request and its response as node:http hands them over, without a socket: the same engine runs on them.
import { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { Readable, Writable } from 'node:stream'
import type { RawHeaders } from '../contract.ts'

/** A client's request. */
export interface RequestInput {
  /** GET unless said; POST where there is a body. */
  readonly method?: string
  /** Path and query, byte for byte. `/` unless said. */
  readonly target?: string
  /** A map, or name, value, name, value… where order and repeats matter. `Host` is added where it is missing. */
  readonly headers?: Readonly<Record<string, string>> | RawHeaders
  readonly body?: string | Uint8Array
  readonly client?: { readonly ip?: string; readonly port?: number; readonly tls?: boolean }
}

/** What came back. */
export interface TestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  json(): unknown
}

class MemorySocket extends EventEmitter {
  destroyed = false
  readonly remoteAddress: string
  readonly remotePort: number
  readonly encrypted: boolean

  constructor({ ip = '192.0.2.7', port = 49152, tls = false }: NonNullable<RequestInput['client']> = {}) {
    super()
    this.remoteAddress = ip
    this.remotePort = port
    this.encrypted = tls
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('close')
  }
  resetAndDestroy(): void {
    this.destroy()
  }
  destroySoon(): void {
    this.destroy()
  }
}

export class MemoryRequest extends Readable {
  readonly method: string
  readonly url: string
  readonly rawHeaders: RawHeaders
  readonly httpVersion = '1.1'
  readonly httpVersionMajor = 1
  readonly httpVersionMinor = 1
  /** The whole body is here before anybody asks. */
  readonly complete = true
  readonly socket: MemorySocket

  constructor({ method, target = '/', headers = {}, body, client }: RequestInput, id: string) {
    super()
    this.method = method ?? (body === undefined ? 'GET' : 'POST')
    this.url = target
    this.socket = new MemorySocket(client)
    const bytes = body === undefined ? undefined : Buffer.from(body)
    this.rawHeaders = withDefaults(Array.isArray(headers) ? [...headers] : Object.entries(headers).flat(), id, bytes)
    if (bytes?.length) this.push(bytes)
    this.push(null)
  }

  override _read(): void {}
}

function withDefaults(raw: RawHeaders, id: string, body: Uint8Array | undefined): RawHeaders {
  const has = (name: string) => raw.some((field, i) => i % 2 === 0 && field.toLowerCase() === name)
  if (!has('host')) raw.push('Host', 'bascule.test')
  if (!has('x-correlation-id')) raw.push('X-Correlation-ID', id)
  if (body && !has('content-length') && !has('transfer-encoding')) raw.push('Content-Length', String(body.length))
  return raw
}

export class MemoryResponse extends Writable {
  readonly req: MemoryRequest
  readonly socket: MemorySocket
  readonly chunkedEncoding = true
  headersSent = false
  statusCode = 0
  #raw: RawHeaders = []
  readonly #pieces: Uint8Array[] = []

  constructor(req: MemoryRequest) {
    super()
    this.req = req
    this.socket = req.socket
    this.socket.once('close', () => this.destroy())
  }

  writeHead(status: number, reasonOrHeaders?: string | RawHeaders, headers?: RawHeaders): this {
    const raw = headers ?? (Array.isArray(reasonOrHeaders) ? reasonOrHeaders : [])
    this.statusCode = status
    this.#raw = [...raw]
    this.headersSent = true
    return this
  }
  flushHeaders(): void {}
  writeContinue(): void {}
  writeProcessing(): void {}
  writeEarlyHints(): void {}
  addTrailers(): void {}

  override _write(piece: Uint8Array | string, _encoding: BufferEncoding, done: () => void): void {
    this.#pieces.push(Buffer.from(piece))
    done()
  }

  /** Undefined: the connection ended before anything was sent. */
  get answer(): TestAnswer | undefined {
    if (!this.headersSent) return undefined
    const headers = new Headers()
    for (let i = 0; i < this.#raw.length; i += 2) headers.append(this.#raw[i]!, this.#raw[i + 1]!)
    const body = Buffer.concat(this.#pieces).toString()
    return { status: this.statusCode, headers, body, json: () => JSON.parse(body) as unknown }
  }
}
