import { METHODS } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Peer } from '../exchange.ts'
import { Flight } from '../flight.ts'
import type { Ground, Line } from '../ground.ts'
import { type Arrival, inspectRequest, type Refusal, refusal, streamArrival } from '../inbound.ts'
import type { Limits } from '../limits.ts'
import { watchPulse } from './pulse.ts'
import { type RequestHead, requestHead } from './request-head.ts'
import { StreamAnswer } from './stream-answer.ts'
import { StreamRequest } from './stream-request.ts'

/** As the parser of HTTP/1 knows them: what cannot come that way cannot come this way either. */
const known: ReadonlySet<string> = new Set(METHODS)

/** One connection of HTTP/2. Its requests run side by side, each its own stream and its own ending. */
export class SessionLine implements Line {
  readonly limits: Limits
  readonly isLast = false
  readonly #session: ServerHttp2Session
  readonly #ground: () => Ground
  readonly #peer: Peer
  #open = 0
  #idle: ReturnType<typeof setTimeout> | undefined

  constructor(session: ServerHttp2Session, ground: () => Ground) {
    this.#session = session
    this.#ground = ground
    this.limits = ground().limits
    const { remoteAddress = '', remotePort = 0 } = session.socket
    this.#peer = { ip: remoteAddress, port: remotePort, tls: true }
    session.on('stream', (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, _flags: number, wire: string[]) => {
      this.#take(stream, requestHead(wire))
    })
    session.on('error', ignore) // what went wrong with it, each of its streams says for itself
    session.on('close', () => clearTimeout(this.#idle))
    watchPulse(session, this.limits.sendIdle, () => this.#open > 0)
    this.#rest(this.limits.headersTimeout)
  }

  /** A stream is closed by itself, and the connection goes on. */
  closeGently(): void {}

  leftUnread(): void {}

  ended(): void {
    this.#open--
    if (this.#open === 0) this.#rest(this.limits.keepAlive)
  }

  #take(stream: ServerHttp2Stream, head: RequestHead): void {
    clearTimeout(this.#idle)
    this.#open++
    const res = new StreamAnswer(stream, this.#peer)
    const req = new StreamRequest(stream, head, res)
    res.req = req
    const arrival = streamArrival(req, res)
    const ground = this.#ground()
    const flight = new Flight(arrival, ground, this)
    const refused = this.#refusal(head, arrival, ground)
    if (refused) flight.refuse(refused)
    else flight.run()
  }

  #refusal({ problem, size, method }: RequestHead, arrival: Arrival, ground: Ground): Refusal | undefined {
    const { headers } = this.limits
    if (problem !== undefined) return refusal('BAD_REQUEST', problem)
    if (size > headers) return refusal('HEADERS_TOO_LARGE', `the fields are larger than ${headers} bytes`)
    if (!known.has(method)) return refusal('NOT_IMPLEMENTED', 'this method is not known here')
    const closed = ground.closed ? refusal('DRAINING', 'the server is shutting down') : undefined
    return inspectRequest(arrival, ground.names, this.limits) ?? (closed && { ...closed, retryAfter: 1 })
  }

  /** Bytes alone keep no connection: a PING costs the client nothing, and a head that never ends is no request. */
  #rest(ms: number): void {
    clearTimeout(this.#idle)
    if (this.#session.closed) return
    this.#idle = setTimeout(() => {
      this.#session.close()
      this.#idle = setTimeout(() => this.#session.destroy(), this.limits.lingerIdle).unref()
    }, ms).unref()
  }
}

function ignore(): void {}
