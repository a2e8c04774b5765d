import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Upgraded } from '../contract.ts'
import type { Limits } from './limits.ts'
import { closeFrame, FrameFollower } from './websocket-frames.ts'

/** From our close frame to the end of the connection, whatever the peer does: what noticed that it must end took its part of the second. */
const CLOSE_MS = 700
/** An idle WebSocket says nothing for hours: the kernel asks whether its peer is still there. */
const KEEP_ALIVE_MS = 60_000

/** How it ended first: in order by one side, torn by one side, or closed by us. */
export type TunnelEnd = 'client' | 'client_torn' | 'upstream' | 'upstream_torn' | 'closed'

/** One way through the tunnel. What arrives is counted, followed and passed on; with nowhere to go it is read past. */
class Lane {
  bytes = 0
  readonly frames = new FrameFollower()
  readonly from: Duplex
  readonly to: Duplex
  readonly #stuck: () => void
  readonly #idleMs: number
  #stalled: ReturnType<typeof setTimeout> | undefined
  /** To be written at the next boundary; afterwards nothing more is passed on. */
  #last: Uint8Array | undefined
  #shut = false

  constructor(from: Duplex, to: Duplex, idleMs: number, stuck: () => void) {
    this.from = from
    this.to = to
    this.#idleMs = idleMs
    this.#stuck = stuck
    from.on('data', (piece: Uint8Array) => this.#take(piece))
    to.on('drain', () => this.#room())
  }

  /** Our close frame, once no frame is under way; none where this side has sent its own. */
  finish(frame: Uint8Array): void {
    if (this.frames.closed) this.#shut = true
    else if (this.frames.between) this.#close(frame)
    else this.#last = frame
  }

  stop(): void {
    clearTimeout(this.#stalled)
  }

  #take(piece: Uint8Array): void {
    if (this.#shut || !this.to.writable) return void this.frames.follow(piece)
    const taken = this.frames.follow(piece, this.#last !== undefined)
    this.#write(taken === piece.length ? piece : piece.subarray(0, taken))
    if (this.#last === undefined || !this.frames.between) return
    this.#close(this.#last)
    this.frames.follow(piece.subarray(taken))
  }

  #close(frame: Uint8Array): void {
    this.#shut = true
    this.#last = undefined
    if (this.to.writable) this.to.write(frame)
    this.from.resume()
  }

  #write(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.bytes += piece.length
    if (this.to.write(piece)) return
    this.from.pause()
    this.#stalled ??= setTimeout(this.#stuck, this.#idleMs).unref()
  }

  #room(): void {
    clearTimeout(this.#stalled)
    this.#stalled = undefined
    this.from.resume()
  }
}

/** Both sockets of an upgraded connection, from the 101 to the end of both. */
export class Tunnel implements Upgraded {
  readonly #client: Socket
  readonly #upstream: Duplex
  readonly #limits: Limits
  readonly #ended: (how: TunnelEnd) => void
  readonly #in: Lane
  readonly #out: Lane
  #how: TunnelEnd | undefined
  #closing = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #open = 2

  constructor(client: Socket, upstream: Duplex, limits: Limits, ended: (how: TunnelEnd) => void) {
    this.#client = client
    this.#upstream = upstream
    this.#limits = limits
    this.#ended = ended
    const stuck = () => this.#tear()
    this.#in = new Lane(client, upstream, limits.sendIdle, stuck)
    this.#out = new Lane(upstream, client, limits.sendIdle, stuck)
    for (const socket of [client, upstream]) socket.on('error', ignore)
    client.on('end', () => this.#left('client'))
    upstream.on('end', () => this.#left('upstream'))
    client.on('close', () => this.#gone('client', upstream))
    upstream.on('close', () => this.#gone('upstream', client))
    client.on('data', () => this.#answered())
    for (const socket of [client, upstream as Partial<Socket>]) {
      socket.setNoDelay?.(true)
      socket.setKeepAlive?.(true, KEEP_ALIVE_MS)
    }
    if (client.destroyed) this.#gone('client', upstream)
    if (upstream.destroyed) this.#gone('upstream', client)
  }

  get bytesIn(): number {
    return this.#in.bytes
  }

  get bytesOut(): number {
    return this.#out.bytes
  }

  get clientMessages(): number {
    return this.#in.frames.dataFrames
  }

  /** Ends both sides with a close frame, each between two frames of its own; whoever is not gone soon is cut off. */
  close(code: number, reason: string): void {
    if (this.#closing) return
    this.#closing = true
    this.#how ??= 'closed'
    this.#endWithin(CLOSE_MS)
    this.#out.finish(closeFrame(code, reason, false))
    this.#in.finish(closeFrame(code, reason, true))
    this.#answered()
  }

  /** After both close frames it is the server that closes the connection (RFC 6455 §7.1.1). */
  #answered(): void {
    if (!this.#closing || !this.#in.frames.closed) return
    this.#client.end()
    this.#upstream.end()
  }

  /** One side has no more to say: so it is told to the other, which may finish what it is saying. */
  #left(side: 'client' | 'upstream'): void {
    this.#how ??= side
    const other = side === 'client' ? this.#upstream : this.#client
    if (other.writable) other.end()
    if (!this.#closing) this.#endWithin(this.#limits.linger)
  }

  #gone(side: 'client' | 'upstream', other: Duplex): void {
    const torn = this.#how === undefined
    this.#how ??= `${side}_torn`
    if (--this.#open > 0) {
      if (torn) reset(other)
      else if (other.writable) other.end()
      if (!this.#closing) this.#endWithin(this.#limits.lingerIdle)
      other.resume() // its end is heard only when all before it was read
      return
    }
    clearTimeout(this.#timer)
    this.#in.stop()
    this.#out.stop()
    this.#ended(this.#how)
  }

  #endWithin(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#tear(), ms).unref()
  }

  #tear(): void {
    this.#how ??= 'client_torn'
    reset(this.#client)
    reset(this.#upstream)
  }
}

/** Torn stays torn: after a clean end a peer takes half a message for the whole. */
function reset(socket: Duplex & { resetAndDestroy?(): void }): void {
  if (socket.destroyed) return
  try {
    if (socket.resetAndDestroy) socket.resetAndDestroy()
    else socket.destroy()
  } catch {
    socket.destroy() // no TCP socket
  }
}

function ignore(): void {}
