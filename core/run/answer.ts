import { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import type { Fault, Head, RawHeaders, ReplyExtra, Sink, Source } from '../contract.ts'
import { fault, isFault } from '../errors.ts'
import { problemBody, problemHeaders } from './problem.ts'
import { isHopByHop, isWritableField } from './raw-headers.ts'

/** What the writer asks of the request it answers. */
export interface AnswerOwner {
  readonly id: string
  readonly method: string
  /** Runs the response hooks over the head; may throw. */
  edit(status: number, headers: RawHeaders, by: Head['by']): number
  /** Whether this connection must close after the answer: unread body, drain. */
  mustClose(): boolean
  /** The client, not the upstream, broke off: its own fault, if any. */
  clientFault(): Fault | undefined
  /** For problems. */
  readonly routeId: string | undefined
  readonly serviceName: string | undefined
  /** The source or the host failed; already answered, or the connection reset. */
  failed(why: Fault): void
}

/**
 * The one writer of one answer. Everything reaches the client through here, so a second head, a body after the end or a word after
 * the client left cannot happen: they are ignored.
 */
export class Answer implements Sink {
  /** What was put on the wire; null: nothing. */
  status: number | null = null
  bytesOut = 0
  readonly #res: ServerResponse
  readonly #owner: AnswerOwner
  #source: Source | undefined
  /** A source may speak. */
  #listening = false
  /** Nothing more may be written. */
  #done = false
  #bodyless = false
  #started = false

  constructor(res: ServerResponse, owner: AnswerOwner) {
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
    this.#res.on('drain', () => source.room())
    source.start(this)
  }

  /** Stops listening first, then the source: undici's abort calls onError from inside. */
  detach(why: Fault): void {
    this.#listening = false
    const source = this.#source
    this.#source = undefined
    source?.stop(why)
  }

  /** A whole answer at once. Without a body, a status from 400 up becomes a problem. */
  reply(status: number, code: string, extra: ReplyExtra, by: Head['by']): void {
    if (this.#done || this.headSent) return
    this.#listening = false
    const problem = extra.body === undefined && status >= 400
    const body = problem ? this.#problem(status, code, extra) : (extra.body ?? '')
    const headers = problem ? problemHeaders(status, this.#owner.id, extra.retryAfter) : []
    if (extra.headers) headers.push(...extra.headers)
    let final: number
    try {
      final = this.#owner.edit(status, headers, by)
    } catch (error) {
      return this.#hookThrew(error)
    }
    this.#write(final, headers, Buffer.isBuffer(body) ? body : Buffer.from(body as string))
  }

  inform(status: 102 | 103, headers: RawHeaders): void {
    if (!this.#listening || this.headSent || this.#res.req.httpVersionMinor === 0) return
    if (status === 103) this.#res.writeEarlyHints(earlyHints(headers))
    else this.#res.writeProcessing()
  }

  head(status: number, headers: RawHeaders, reason?: string): boolean {
    if (!this.#listening || this.headSent) return false
    const raw = endToEnd(headers, status === 204)
    let final: number
    try {
      final = this.#owner.edit(status, raw, 'upstream')
    } catch (error) {
      this.detach(fault('INTERNAL', 'a response hook threw'))
      this.#hookThrew(error)
      return false
    }
    this.#bodyless = this.#owner.method === 'HEAD' || final === 204 || final === 304
    if (this.#owner.mustClose()) raw.push('Connection', 'close')
    this.status = final
    if (reason) this.#res.writeHead(final, reason, raw)
    else this.#res.writeHead(final, raw)
    process.nextTick(flushHead, this) // one packet with the first piece of the body where both are there
    return true
  }

  chunk(bytes: Uint8Array): boolean {
    if (!this.#listening || !this.headSent) return false
    if (this.#bodyless) return true
    this.#started = true
    this.bytesOut += bytes.length
    return this.#res.write(bytes)
  }

  end(trailers?: RawHeaders): void {
    if (!this.#listening || !this.headSent) return
    this.#listening = false
    this.#done = true
    this.#started = true
    this.#source = undefined
    if (trailers?.length && this.#res.chunkedEncoding) this.#res.addTrailers(pairs(endToEnd(trailers, true)))
    this.#res.end()
  }

  upgraded(_headers: RawHeaders, upstream: Duplex): void {
    upstream.destroy()
    this.fail(fault('NOT_IMPLEMENTED', 'upgrades are not built yet'))
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
    const socket = this.#res.socket
    if (!socket || socket.destroyed) return
    if (typeof socket.resetAndDestroy === 'function') socket.resetAndDestroy()
    else socket.destroy()
  }

  flushHead(): void {
    if (!this.#started && this.#listening) this.#res.flushHeaders()
  }

  #write(status: number, headers: RawHeaders, body: Uint8Array): void {
    this.#done = true
    const empty = status === 204 || status === 304
    if (!empty) headers.push('Content-Length', String(body.length))
    if (this.#owner.mustClose()) headers.push('Connection', 'close')
    this.status = status
    this.#res.writeHead(status, headers)
    const sent = !empty && this.#owner.method !== 'HEAD'
    if (sent) this.bytesOut += body.length
    this.#res.end(sent ? body : undefined)
  }

  /** No hooks on that 500: the one that threw would throw again. */
  #hookThrew(error: unknown): void {
    const why = isFault(error) ? error : fault('INTERNAL', 'a response hook threw', error)
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

function flushHead(answer: Answer): void {
  answer.flushHead()
}

/** A copy without what belongs to one connection; core writes its own framing. */
function endToEnd(headers: RawHeaders, dropLength: boolean): RawHeaders {
  const kept: RawHeaders = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    const lower = name.toLowerCase()
    if (isHopByHop(lower) || (dropLength && lower === 'content-length')) continue
    if (isWritableField(name, value)) kept.push(name, value)
  }
  return kept
}

function pairs(headers: RawHeaders): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) list.push([headers[i]!, headers[i + 1]!])
  return list
}

function earlyHints(headers: RawHeaders): Record<string, string | string[]> {
  const hints: Record<string, string[]> = {}
  for (let i = 0; i < headers.length; i += 2) {
    const lower = headers[i]!.toLowerCase()
    if (lower === 'link') hints.link = [...(hints.link ?? []), headers[i + 1]!]
  }
  return hints
}
