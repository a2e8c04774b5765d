// What core reads of a request and writes of its answer: the two classes of node:http on HTTP/1, H2Request and H2Answer on HTTP/2.
import type { Buffer } from 'node:buffer'
import type { RawHeaders } from '../contract.ts'

export interface ClientSocket {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly encrypted?: boolean
  readonly destroyed: boolean
  setTimeout(ms: number): unknown
  destroy(): unknown
  /** RST where the transport has one. */
  resetAndDestroy(): unknown
}

export interface ClientRequest {
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly rawHeaders: RawHeaders
  readonly socket: ClientSocket
  readonly destroyed: boolean
  /** The client said itself that this was all: a connection or a stream that merely ended did not. */
  readonly complete: boolean
  on(event: 'data', listener: (piece: Buffer) => void): this
  on(event: 'end' | 'close' | 'error', listener: () => void): this
  off(event: 'data', listener: (piece: Buffer) => void): this
  off(event: 'end' | 'close' | 'error', listener: () => void): this
  pause(): unknown
  resume(): unknown
}

export interface ClientAnswer {
  readonly req: ClientRequest
  readonly socket: ClientSocket | null
  readonly destroyed: boolean
  readonly writableFinished: boolean
  readonly writableLength: number
  /** Trailers can follow. */
  readonly chunkedEncoding: boolean
  /** `close`: the one ending, whether the answer was sent or not. */
  on(event: 'close' | 'drain' | 'timeout' | 'error', listener: () => void): this
  writeContinue(): void
  writeProcessing(): void
  writeEarlyHints(hints: Record<string, string | string[]>): void
  writeHead(status: number, headers: RawHeaders): unknown
  writeHead(status: number, reason: string, headers: RawHeaders): unknown
  flushHeaders(): void
  write(bytes: Uint8Array): boolean
  addTrailers(trailers: readonly [string, string][]): void
  end(body?: Uint8Array): unknown
}
