import type { Buffer } from 'node:buffer'
import type { ServerHttp2Stream } from 'node:http2'
import type { RawHeaders } from '../../contract.ts'
import type { ClientRequest, ClientSocket } from '../client-message.ts'
import { EndWatch } from './end-watch.ts'
import type { RequestHead } from './request-head.ts'

/** A request on a stream, as core reads one. */
export class StreamRequest implements ClientRequest {
  readonly httpVersionMajor = 2
  readonly httpVersionMinor = 0
  readonly method: string
  readonly url: string
  readonly rawHeaders: RawHeaders
  readonly socket: ClientSocket
  readonly #stream: ServerHttp2Stream
  readonly #end: EndWatch

  constructor(stream: ServerHttp2Stream, head: RequestHead, socket: ClientSocket) {
    this.#stream = stream
    this.#end = new EndWatch(stream)
    this.method = head.method
    this.url = head.path
    this.rawHeaders = head.rawHeaders
    this.socket = socket
  }

  get complete(): boolean {
    return this.#end.seen
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  on(event: 'data', listener: (piece: Buffer) => void): this
  on(event: 'end' | 'close' | 'error', listener: () => void): this
  on(event: string, listener: (piece: Buffer) => void): this {
    this.#stream.on(event, listener)
    return this
  }

  off(event: 'data', listener: (piece: Buffer) => void): this
  off(event: 'end' | 'close' | 'error', listener: () => void): this
  off(event: string, listener: (piece: Buffer) => void): this {
    this.#stream.off(event, listener)
    return this
  }

  pause(): void {
    if (!this.destroyed) this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }
}
