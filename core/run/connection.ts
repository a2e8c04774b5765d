import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, fault } from '../errors.ts'
import type { ClientRequest } from './client-message.ts'
import { Flight } from './flight.ts'
import type { Ground, Line } from './ground.ts'
import { type Arrival, inspect, refusal, tooEarly, upgradeArrival } from './inbound.ts'
import type { Limits } from './limits.ts'
import { closeGently, drainBody } from './linger.ts'
import { type Refused, refuseSocket } from './refuse-socket.ts'
import { type Unreadable, unreadableCode } from './unreadable.ts'
import { Handshake } from './upgrade-handshake.ts'

/**
 * One client connection. Its requests run one after the other: side by side, a pipelined POST could overtake the one before it
 * (RFC 9112 §9.3.2), a torn answer could not be told from the next, and one client would open any number of upstream calls.
 */
export class Connection implements Line {
  readonly limits: Limits
  readonly #socket: Socket
  readonly #ground: () => Ground
  readonly #waiting: Arrival[] = []
  #flight: Flight | undefined
  /** The one that came last, while it may be incomplete: what is unreadable is then its body. */
  #last: Arrival | undefined
  /** The framing was in doubt: what waits behind is not to be believed either. */
  #distrusted = false
  /** node:http let go of the connection before an answer that was written already said that it is the last: it is ours to close. */
  #left = false
  /** Nothing more is taken in. */
  #deaf = false
  /** Waits for the answers before it. */
  #refused: Refused | undefined

  constructor(socket: Socket, ground: () => Ground) {
    this.#socket = socket
    this.#ground = ground
    this.limits = ground().limits
  }

  get isLast(): boolean {
    return this.#distrusted || (this.#deaf && this.#waiting.length === 0 && !this.#refused)
  }

  /** Node hands over what was pipelined behind a refused request, too: none of it may run. */
  take(arrival: Arrival): void {
    if (this.#deaf) return
    this.#last = arrival
    if (!this.#flight) return this.#begin(arrival)
    this.#waiting.push(arrival)
    if (this.#waiting.length >= this.limits.pipelined) this.#stopTaking()
  }

  /** The last request of its connection, whatever comes of it. Behind one that is still being answered nothing of it can be believed. */
  upgrade(req: IncomingMessage, head: Uint8Array): void {
    this.#socket.on('error', ignore)
    if (this.#flight) {
      this.#distrust()
      this.#left = true
      return this.#flight.breakOff(fault('BAD_REQUEST', 'an upgrade came before this request was answered'))
    }
    if (this.#deaf) return void this.#socket.destroy()
    this.#last = undefined
    this.#stopTaking()
    const arrival = upgradeArrival(req, new Handshake(req, this.#socket))
    if (head.length > 0) arrival.refused = refusal('BAD_REQUEST', tooEarly)
    this.#begin(arrival)
  }

  /** Answers what never becomes a request of ours. */
  refuse(refused: Refused): void {
    if (this.#deaf) return
    this.#socket.on('error', ignore)
    this.#stopTaking()
    this.#refuse(refused)
  }

  unreadable(error: Unreadable): void {
    const socket = this.#socket
    const code = unreadableCode(error, this.limits)
    if (code === undefined || !socket.writable || socket.bytesRead === 0) return void socket.destroy()
    if (this.#deaf) return // the parser says it again with every piece that follows
    this.#stopTaking()
    if (error.code === 'HPE_CLOSED_CONNECTION') return // behind a request that said it was the last
    if (this.#last && !this.#last.req.complete) return this.#brokenBody(this.#last, code, error)
    this.#refuse({ code })
  }

  closeGently(): void {
    this.#socket.destroySoon = () => closeGently(this.#socket, this.limits)
  }

  ended(): void {
    this.#flight = undefined
    if (this.#left && !this.#socket.destroyed) return this.#socket.destroySoon()
    if (this.#last?.req.complete) this.#last = undefined
    const next = this.#distrusted ? undefined : this.#waiting.shift()
    if (next) {
      this.#socket.setTimeout(0) // the answer before may have left its own; node:http resets it only for what did not wait
      this.#begin(next)
    } else if (this.#refused && !this.#distrusted) this.#refuse(this.#refused)
  }

  leftUnread(req: ClientRequest): void {
    drainBody(this.#socket, req, this.limits, () => {
      if (this.#last?.req === req) this.#last = undefined
    })
  }

  #begin(arrival: Arrival): void {
    const ground = this.#ground()
    const flight = new Flight(arrival, ground, this)
    this.#flight = flight
    if (this.#socket.destroyed) return flight.lost()
    const answer =
      arrival.refused ?? inspect(arrival, ground.names, this.limits) ?? (ground.closed ? closed() : undefined)
    if (!answer) return flight.run()
    if (answer.close) this.#distrust()
    flight.refuse(answer)
  }

  #brokenBody(last: Arrival, code: ErrorCode, error: Unreadable): void {
    if (!this.#flight) return void this.#socket.destroy() // answered already: a second answer would be the next request's
    const left = error.code === 'HPE_INVALID_EOF_STATE'
    if (this.#waiting.includes(last)) {
      last.refused = refusal(code, 'the body cannot be read')
      return
    }
    this.#distrust()
    this.#flight.breakOff(left ? fault('CLIENT_CLOSED') : fault(code, 'the body cannot be read'))
  }

  #refuse(refused: Refused): void {
    this.#refused = this.#flight ? refused : undefined
    if (!this.#flight && this.#socket.writable) refuseSocket(this.#socket, refused, this.#ground(), this.limits)
  }

  #distrust(): void {
    this.#distrusted = true
    this.#stopTaking()
  }

  #stopTaking(): void {
    this.#deaf = true
    this.closeGently()
  }
}

function closed() {
  return { ...refusal('DRAINING', 'the server is shutting down'), retryAfter: 1 }
}

function ignore(): void {}
