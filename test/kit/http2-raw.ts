// A client of HTTP/2 that sends exact frames: for what node:http2 would never send.
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import tls, { type TLSSocket } from 'node:tls'
import type { TestLike } from './bascule.ts'
import { cert } from './certs.ts'

export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PUSH_PROMISE = 5
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9

export const END_STREAM = 1
export const END_HEADERS = 4
export const PADDED = 8
export const ACK = 1

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A field block of literals, nothing indexed, nothing compressed (RFC 7541 §6.2.2). */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  const length = bytes.length < 127 ? [bytes.length] : [127, ...varint(bytes.length - 127)]
  return Buffer.concat([Buffer.from(length), bytes])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const request = (more: readonly (readonly [string, string])[] = [], path = '/', method = 'GET') =>
  block([[':method', method], [':scheme', 'https'], [':path', path], [':authority', 'localhost'], ...more])

export interface RawHttp2 {
  readonly socket: TLSSocket
  readonly frames: readonly Frame[]
  send(...frames: Uint8Array[]): void
  /** The first that fits; undefined where the connection closes before it comes. */
  next(fits: (frame: Frame) => boolean): Promise<Frame | undefined>
  readonly closed: Promise<void>
}

/** Connected, with the prefaces exchanged. */
export async function rawHttp2(t: TestLike, url: string, settings: Uint8Array = Buffer.alloc(0)): Promise<RawHttp2> {
  const { port } = new URL(url)
  const socket = tls.connect({
    host: '127.0.0.1',
    port: Number(port),
    servername: 'localhost',
    ca: cert('ca'),
    ALPNProtocols: ['h2'],
  })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  const client = new Client(socket)
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0, settings)]))
  await client.next(({ type, flags }) => type === SETTINGS && flags === ACK)
  return client
}

class Client implements RawHttp2 {
  readonly socket: TLSSocket
  readonly frames: Frame[] = []
  readonly closed: Promise<void>
  readonly #checks = new Set<() => void>()
  #rest: Buffer = Buffer.alloc(0)
  #over = false

  constructor(socket: TLSSocket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (piece: Buffer) => this.#read(piece))
    this.closed = new Promise((resolve) => {
      const over = () => {
        this.#over = true
        this.#look()
        resolve()
      }
      socket.on('end', over).on('close', over)
    })
  }

  send(...frames: Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames))
  }

  next(fits: (frame: Frame) => boolean): Promise<Frame | undefined> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.frames.find(fits)
        if (found === undefined && !this.#over) return
        this.#checks.delete(look)
        resolve(found)
      }
      this.#checks.add(look)
      look()
    })
  }

  #read(piece: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, piece])
    for (;;) {
      const length = this.#rest.length < 9 ? Number.POSITIVE_INFINITY : this.#rest.readUIntBE(0, 3)
      if (this.#rest.length < 9 + length) break
      const [type, flags] = [this.#rest[3]!, this.#rest[4]!]
      this.frames.push({ type, flags, stream: this.#rest.readUInt32BE(5), payload: this.#rest.subarray(9, 9 + length) })
      this.#rest = this.#rest.subarray(9 + length)
    }
    this.#look()
  }

  #look(): void {
    for (const look of [...this.#checks]) look()
  }
}
