import { Buffer } from 'node:buffer'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import type { Fault, Head, RawHeaders, ReplyExtra, Sink, Source, Upgraded } from '../contract.ts'
import { fault, isFault } from '../errors.ts'
import type { ClientAnswer, ClientRequest } from './client-message.ts'
import { assertSendable, assertStatus, earlyHints, endToEnd, nameAnswer, pairs, promisedLength } from './fields.ts'
import type { Limits } from './limits.ts'
import { problemBody, problemHeaders } from './problem.ts'
import { allValues, isWritableValue, removeAll } from './raw-headers.ts'
import type { Handshake } from './upgrade-handshake.ts'
import { Tunnel, type TunnelEnd } from './upgrade-tunnel.ts'
import { writeWhole } from './whole-body.ts'

/** What the writer asks of the request it answers. */
export interface AnswerOwner {
  readonly id: string
  readonly method: string
  readonly limits: Limits
  /** Of a request that asks for an upgrade. */
  readonly handshake: Handshake | undefined
  /** The connection is no longer HTTP; it ends with `tunnelEnded`. */
  upgraded(tunnel: Tunnel): void
  tunnelEnded(how: TunnelEnd): void
  /** Runs the response hooks over the head; may throw. */
  edit(status: number, headers: RawHeaders, by: Head['by']): number
  /** Whether this connection must close after the answer: unread body, drain. */
  closing(): boolean
  /** The client, not the upstream, broke off: its own fault, if any. */
  clientFault(): Fault | undefined
  /** For problems. */
  readonly routeId: string | undefined
  readonly serviceName: string | undefined
  /** The source or the host failed; already answered, or the connection reset. */
  failed(why: Fault): void
  /** A plugin threw where nothing may: for the log. */
  defect(error: unknown): void
}

/**
 * The one writer of one answer. Everything reaches the client through here, so a second head, a body after the end or a word after
 * the client left cannot happen: they are ignored.
 */
export class Answer implements Sink {
  /** What was put on the wire; null: nothing. */
  status: number | null = null
  bytesOut = 0
  readonly #res: ClientAnswer
  readonly #owner: AnswerOwner
  #source: Source | undefined
  /** A source may speak. */
  #listening = false
  /** Nothing more may be written. */
  #done = false
  #bodyless = false
  #started = false
  #pressed = false
  /** Bytes that Content-Length promised. */
  #promised: number | undefined

  constructor(res: ClientAnswer, owner: AnswerOwner) {
    this.#res = res
    this.#owner = owner
  }

  get open(): boolean {
    return this.#listening
  }

  /** Whether somebody already answers, or did. */
  get taken(): boolean {
    return this.#done || this.#listening
  }

  get headSent(): boolean {
    return this.status !== null
  }

  pump(source: Source): void {
    this.#source = source
    this.#listening = true
    source.start(this)
  }

  /** Stops listening first, then the source: undici's abort calls onError from inside. */
  detach(why: Fault): void {
    this.#listening = false
    const source = this.#source
    this.#source = undefined
    try {
      source?.stop(why)
    } catch (error) {
      this.#owner.defect(error)
    }
  }

  /** A whole answer at once. Without a body, a status from 400 up becomes a problem. */
  reply(status: number, code: string, extra: ReplyExtra, by: Head['by']): void {
    if (this.#done || this.headSent) return
    this.#listening = false
    let headers: RawHeaders
    let body: Uint8Array
    let final: number
    try {
      const problem = extra.body === undefined && status >= 400
      body = bytesOf(problem ? this.#problem(status, code, extra) : (extra.body ?? ''))
      headers = problem ? problemHeaders(status, this.#owner.id, extra.retryAfter, extra.headers) : []
      if (extra.headers) headers.push(...extra.headers)
      nameAnswer(headers, this.#owner.id)
      assertSendable(status, headers)
      final = this.#owner.edit(status, headers, by)
    } catch (error) {
      return this.#unsendable(error)
    }
    this.#write(final, headers, body)
  }

  /** A hint that cannot be sent is none. */
  inform(status: 102 | 103, headers: RawHeaders): void {
    if (!this.#listening || this.headSent || isHttp10(this.#res.req)) return
    if (this.#owner.handshake) return // browsers take nothing but the answer to it
    try {
      if (status === 103) this.#res.writeEarlyHints(earlyHints(headers))
      else if (status === 102) this.#res.writeProcessing()
    } catch {
      // Node judges the syntax of Link.
    }
  }

  head(status: number, headers: RawHeaders, reason?: string): boolean {
    if (!this.#listening || this.headSent) return false
    let raw: RawHeaders
    let final: number
    try {
      assertStatus(status)
      raw = endToEnd(headers)
      raw.push('X-Correlation-ID', this.#owner.id)
      final = this.#owner.edit(status, raw, 'upstream')
    } catch (error) {
      this.detach(fault('INTERNAL', 'the head of the answer cannot be sent'))
      this.#unsendable(error)
      return false
    }
    if (final === 204) removeAll(raw, 'content-length')
    this.#promised = promisedLength(raw)
    if (Number.isNaN(this.#promised)) return this.#miscounted()
    this.#bodyless = this.#owner.method === 'HEAD' || final === 204 || final === 304
    if (this.#owner.closing()) raw.push('Connection', 'close')
    this.status = final
    if (reason && isWritableValue(reason)) this.#res.writeHead(final, reason, raw)
    else this.#res.writeHead(final, raw)
    process.nextTick(flushHead, this) // one packet with the first piece of the body where both are there
    return true
  }

  chunk(bytes: Uint8Array): boolean {
    if (!this.#listening || !this.headSent) return false
    if (this.#bodyless) return true
    this.#started = true
    this.bytesOut += bytes.length
    if (this.#promised !== undefined && this.bytesOut > this.#promised) return this.#miscounted()
    const room = this.bytesOut === this.#promised ? writeWhole(this.#res, bytes) : this.#res.write(bytes)
    if (!room) this.#press()
    return room
  }

  end(trailers?: RawHeaders): void {
    if (!this.#listening || !this.headSent) return
    if (!this.#bodyless && this.#promised !== undefined && this.bytesOut !== this.#promised)
      return void this.#miscounted()
    this.#listening = false
    this.#done = true
    this.#started = true
    this.#source = undefined
    if (trailers?.length && this.#res.chunkedEncoding && takesTrailers(this.#res.req))
      this.#res.addTrailers(pairs(endToEnd(trailers)))
    this.#res.end()
    if (this.#res.writableLength > 0) this.#press()
  }

  /** A 101 that does not belong to this handshake is no answer: what follows it would be anybody's bytes. */
  upgraded(headers: RawHeaders, upstream: Duplex): Upgraded | undefined {
    const { handshake } = this.#owner
    upstream.on('error', ignore)
    if (!this.#listening || this.headSent || !handshake) return this.#notUpgraded(upstream, 'nobody asked for it')
    const why = handshake.refuses(headers)
    if (why !== undefined) return this.#notUpgraded(upstream, why)
    let raw: RawHeaders
    try {
      raw = endToEnd(headers)
      nameAnswer(raw, this.#owner.id)
      this.#owner.edit(101, raw, 'upstream')
    } catch (error) {
      upstream.destroy()
      this.detach(fault('INTERNAL', 'the head of the answer cannot be sent'))
      this.#unsendable(error)
      return undefined
    }
    this.#listening = false
    this.#done = true
    this.#source = undefined
    this.status = 101
    const socket = handshake.release()
    socket.write(switching(raw))
    const tunnel = new Tunnel(socket, upstream, this.#owner.limits, (how) => this.#owner.tunnelEnded(how))
    this.#owner.upgraded(tunnel)
    return tunnel
  }

  #notUpgraded(upstream: Duplex, why: string): undefined {
    upstream.destroy()
    this.fail(fault('UPSTREAM_PROTOCOL_ERROR', undefined, new Error(`the upgrade is refused: ${why}`)))
  }

  fail(why: Fault): void {
    if (!this.#listening) return
    this.#listening = false
    this.#source = undefined
    this.refuse(this.#owner.clientFault() ?? why)
  }

  /** The last word when something failed: a problem while there is still a head to send, else a reset. */
  refuse(why: Fault): void {
    this.#owner.failed(why)
    if (this.headSent || why.code === 'CLIENT_CLOSED') return this.reset()
    const detail = why.code === 'INTERNAL' ? {} : { detail: why.message }
    const retryAfter = why.status === 503 ? { retryAfter: 1 } : {}
    this.reply(why.status, why.code, { ...detail, ...retryAfter }, 'core')
  }

  /** RST, not FIN: after a clean close an HTTP/1.0 client takes a torn body for a whole one. */
  reset(): void {
    this.#listening = false
    this.#done = true
    const { socket } = this.#res
    if (!socket || socket.destroyed) return
    try {
      socket.resetAndDestroy()
    } catch {
      socket.destroy() // no TCP socket
    }
  }

  flushHead(): void {
    if (!this.#started && this.#listening) this.#res.flushHeaders()
  }

  #write(status: number, headers: RawHeaders, body: Uint8Array): void {
    this.#done = true
    const empty = status === 204 || status === 304
    if (!empty) headers.push('Content-Length', String(body.length))
    if (this.#owner.closing()) headers.push('Connection', 'close')
    this.status = status
    this.#res.writeHead(status, headers)
    const sent = !empty && this.#owner.method !== 'HEAD'
    if (sent) this.bytesOut += body.length
    this.#res.end(sent ? body : undefined)
    if (this.#res.writableLength > 0) this.#press()
  }

  /** The client's turn: it has to take something before the clock runs out. */
  #press(): void {
    this.#res.socket?.setTimeout(this.#owner.limits.sendIdle)
    if (this.#pressed) return
    this.#pressed = true
    this.#res.on('drain', () => this.#drained())
    this.#res.on('timeout', () => this.#stuck())
  }

  #drained(): void {
    this.#res.socket?.setTimeout(0)
    try {
      this.#source?.room()
    } catch (error) {
      this.#owner.defect(error)
      const why = fault('INTERNAL', 'the source threw', error)
      this.detach(why)
      this.refuse(why)
    }
  }

  #stuck(): void {
    const why = fault('CLIENT_CLOSED', 'the client took nothing more')
    this.detach(why)
    this.refuse(why)
  }

  /** A body that is not as long as its head says would be read on into the next answer, or waited for without end. */
  #miscounted(): false {
    const why = fault('UPSTREAM_PROTOCOL_ERROR', 'the body is not as long as Content-Length says')
    this.detach(why)
    this.refuse(why)
    return false
  }

  /** No hooks on that 500: the one that threw would throw again. */
  #unsendable(error: unknown): void {
    const why = isFault(error) ? error : fault('INTERNAL', 'the answer cannot be sent', error)
    this.#owner.defect(why)
    this.#owner.failed(fault('INTERNAL', why.message, why.cause ?? why))
    const body = this.#problem(500, 'INTERNAL', {})
    this.#write(500, problemHeaders(500, this.#owner.id), Buffer.from(body))
  }

  #problem(status: number, code: string, extra: ReplyExtra): string {
    return problemBody({
      status,
      code,
      correlationId: this.#owner.id,
      detail: extra.detail,
      reason: extra.reason,
      route: this.#owner.routeId,
      service: this.#owner.serviceName,
      members: extra.members,
    })
  }
}

function isHttp10({ httpVersionMajor, httpVersionMinor }: ClientRequest): boolean {
  return httpVersionMajor === 1 && httpVersionMinor === 0
}

function switching(headers: RawHeaders): Buffer {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function ignore(): void {}

/** On HTTP/1 only who says so reads them (RFC 9110 §6.5.1); on HTTP/2 they are a part of every message. */
function takesTrailers({ httpVersionMajor, rawHeaders }: ClientRequest): boolean {
  return (
    httpVersionMajor === 2 ||
    allValues(rawHeaders, 'te').some((value) => /(?:^|[,\s])trailers(?:$|[,;\s])/i.test(value))
  )
}

function flushHead(answer: Answer): void {
  answer.flushHead()
}

function bytesOf(body: string | Uint8Array): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  throw fault('INTERNAL', 'a body is a text or bytes')
}
