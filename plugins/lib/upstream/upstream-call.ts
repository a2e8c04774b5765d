import type { Buffer } from 'node:buffer'
import { type Duplex, Readable } from 'node:stream'
import { clearTimeout, setTimeout } from 'node:timers'
import type { Dispatcher } from 'undici'
import { type Fault, fault, type RawHeaders, type Sink, type Source, type Upgraded } from '../../../core/index.ts'
import type { ResponseFilter, WireFields } from '../http/response-headers.ts'
import type { Session } from '../session/session.ts'
import type { TokenRenewals } from '../token/refused-token.ts'
import { fieldOf, printable, rawFields } from './answer-fields.ts'
import type { Bulkhead } from './bulkhead.ts'
import { wantsNonce } from './dpop-nonces.ts'
import type { LiveCall } from './live-call.ts'
import { isIdempotent, mayResend } from './resend.ts'
import type { ServiceUpstreams } from './service-upstreams.ts'
import type { Credential, UpstreamRequest } from './upstream.ts'
import { upstreamFault } from './upstream-fault.ts'
import { releaseSocket } from './upstream-socket.ts'
import type { UpstreamTarget } from './upstream-target.ts'
import { switchesToWebSocket } from './websocket-answer.ts'

type Controller = Dispatcher.DispatchController

/** How one route's calls to one service are made. Times in milliseconds. */
export interface CallRules {
  readonly upstreams: ServiceUpstreams
  /** Of the service: those of calls, or of streams. */
  readonly places: Bulkhead
  readonly filter: ResponseFilter
  /** To the head of the answer, connecting and a second attempt included. */
  readonly headersTimeout: number
  /** 0: none. */
  readonly bodyTimeout: number
  /** Of a session's tokens; asked where a service refuses a token. */
  readonly renewals: TokenRenewals | undefined
  /** Told of each attempt where a service has several upstreams and somebody reads debug lines. */
  readonly tell: ((request: UpstreamRequest, upstream: number, attempt: number) => void) | undefined
}

/** What makes a call more than a question and its answer. */
interface CallKind {
  /** A WebSocket handshake. */
  readonly upgrade: boolean
  /** Bound to its session, for as long as it is open. */
  readonly live: LiveCall | undefined
  /** Whose token it carries. */
  readonly session: Session | undefined
}

const plain: CallKind = { upgrade: false, live: undefined, session: undefined }

/** An upstream that sends nothing but interim answers would keep the clock from running out. */
const MAX_INTERIM = 16

/** One request to a service, sent once or twice: core's source and undici's handler in one object. */
export class UpstreamCall implements Source, Dispatcher.DispatchHandler {
  readonly #rules: CallRules
  readonly #request: UpstreamRequest
  readonly #body: Readable | Uint8Array | null
  readonly #length: string | undefined
  readonly #upgrade: boolean
  #live: LiveCall | undefined
  readonly #session: Session | undefined
  #refusedOnce = false
  /** Refused a proof for its nonce, and told the one that it wants there. */
  #sameAgain: UpstreamTarget | undefined
  /** `held`: an answer waits for whether there is another token. `spent`: what is left of it is for nobody. */
  #refusal: 'held' | 'ended' | 'spent' | undefined
  #sink: Sink | undefined
  #target: UpstreamTarget | undefined
  #controller: Controller | undefined
  #clock: ReturnType<typeof setTimeout> | undefined
  #open = true
  /** Of this attempt: a byte of an answer came; it began on a connection that was just made. */
  #heard = false
  #fresh = false
  /** This attempt failed by its upstream, and that was counted. */
  #judged = false
  #answered = false
  #attempts = 0
  #interim = 0
  /** The circuit breaker's. */
  #era = 0

  /** `length`: the client's Content-Length, so that a streamed body keeps its framing. */
  constructor(
    rules: CallRules,
    request: UpstreamRequest,
    body: Readable | Uint8Array | null,
    length: string | undefined,
    { upgrade, live, session } = plain,
  ) {
    this.#rules = rules
    this.#request = request
    this.#body = body
    this.#length = length
    this.#upgrade = upgrade
    this.#live = live
    this.#session = session
    if (body instanceof Readable) body.on('error', ignore) // undici takes its listener off before the client may break off
  }

  start(sink: Sink): void {
    const { upstreams, places, headersTimeout } = this.#rules
    this.#sink = sink
    const over = this.#live?.begin(this)
    if (over !== undefined) return this.#fail(over)
    const target = upstreams.pick()
    const options = this.#options(target)
    places.enter()
    this.#era = upstreams.breaker?.begin() ?? 0
    if (this.#body instanceof Readable) this.#body.once('end', () => this.#startClock())
    else this.#clock = setTimeout(late, headersTimeout, this)
    this.#send(target, options, false)
  }

  room(): void {
    if (this.#open && this.#refusal === undefined && this.#controller?.paused) this.#controller.resume()
  }

  /** Its session ended between two events: one more, and the end. */
  finish(last: Uint8Array, why: Fault): void {
    if (!this.#close()) return
    this.#sink!.chunk(last)
    this.#sink!.end()
    this.#controller?.abort(why)
  }

  stop(reason: Fault): void {
    if (!this.#close()) return
    this.#controller?.abort(reason)
    if (this.#body instanceof Readable) this.#body.destroy()
  }

  /** Thrown at, undici drops the request and keeps the connection; `abort` here would cost an innocent one. */
  onRequestStart(controller: Controller): void {
    if (!this.#open) throw fault('CLIENT_CLOSED')
    this.#controller = controller
    const { pool } = this.#target!
    pool.waiting--
    this.#fresh = pool.freshConnection
  }

  onResponseStarted(): void {
    this.#heard = true
  }

  onResponseStart(controller: Controller, status: number, _headers: unknown, reason?: string): void {
    if (!this.#open) return
    const fields = rawFields(controller)
    if (status < 200) return this.#inform(controller, status, fields)
    const { credential } = this.#request
    if (credential?.proves && this.#takesNonce(credential, status, fields)) return
    if (status === 401 && !this.#refusedOnce && this.#holds(controller, fields, reason)) return
    if (!this.#head(status, fields, reason)) controller.pause()
  }

  #head(status: number, fields: WireFields, reason: string | undefined): boolean {
    this.#answer(status)
    const headers = this.#rules.filter.head(status, fields)
    this.#live?.answered(headers)
    return this.#sink!.head(status, headers, reason === undefined ? undefined : printable(reason))
  }

  /**
   * Notes a nonce that came, with whatever answer. True: the proof was refused for the lack of it, and goes once more with the request.
   * Nothing was done with that, so that any method may.
   */
  #takesNonce(credential: Credential, status: number, fields: WireFields): boolean {
    const nonce = fieldOf(fields, 'dpop-nonce')
    if (nonce === undefined || !this.#target!.nonces.take(credential, nonce)) return false
    if (status !== 401 || !wantsNonce(fieldOf(fields, 'www-authenticate'))) return false
    if (this.#sameAgain !== undefined || this.#body instanceof Readable) {
      this.#refusedOnce = true // the token was not judged: another one would fare no better
      return false
    }
    this.#sameAgain = this.#target
    this.#refusal = 'spent'
    return true
  }

  /** A 401 to a token found good waits until it is known whether there is another one; once a call. */
  #holds(controller: Controller, fields: WireFields, reason: string | undefined): boolean {
    const { credential, method, service } = this.#request
    const { renewals } = this.#rules
    const session = this.#session
    this.#refusedOnce = true
    if (credential === undefined || session === undefined) return false
    // Of an answer to HEAD undici holds nothing back.
    const may = isIdempotent(method) && method !== 'HEAD' && !this.#upgrade
    const replayable = may && !(this.#body instanceof Readable)
    const challenge = fieldOf(fields, 'www-authenticate')
    const another = renewals?.another(session, { service: service.name, credential, challenge, replayable })
    if (another === undefined || !replayable) return false
    this.#refusal = 'held'
    clearTimeout(this.#clock)
    controller.pause()
    another.then((fresh) => this.#decide(controller, fields, reason, fresh))
    return true
  }

  #decide(controller: Controller, fields: WireFields, reason: string | undefined, fresh: Credential | undefined): void {
    const ended = this.#refusal === 'ended'
    this.#refusal = undefined
    if (!this.#open) {
      if (ended) this.#letGo() // the client left: of an answer that is over nothing else will tell
      return
    }
    if (fresh === undefined) {
      const room = this.#head(401, fields, reason)
      if (ended) this.onResponseEnd(controller)
      else if (room) controller.resume()
      return
    }
    this.#request.credential = fresh
    this.#clock = setTimeout(late, this.#rules.headersTimeout, this)
    if (ended) return this.#replay()
    this.#refusal = 'spent'
    controller.resume()
  }

  /** The refused answer is over; now the same with the other token. */
  #replay(): void {
    this.#refusal = undefined
    this.#target!.inFlight--
    const { renewals, upstreams } = this.#rules
    const session = this.#session
    const over = session !== undefined && renewals?.over(session) === true
    const proven = this.#refusedOnce ? undefined : this.#sameAgain
    if (!over && this.#sendAgain(proven ?? upstreams.pick())) return
    this.#leave()
    if (over) return this.#fail(fault('SESSION_REQUIRED', 'the session ended'))
    this.#fail(fault('INTERNAL', undefined, new Error('the request could not be sent once more')))
  }

  /** Of an upgrade that was asked for; `upstream` is no longer undici's. Any other answer to a handshake is an answer like all. */
  onRequestUpgrade(controller: Controller, status: number, _headers: unknown, upstream: Duplex): void {
    const target = this.#target!
    if (this.#request.credential?.proves) this.#takesNonce(this.#request.credential, status, rawFields(controller))
    this.#answer(status)
    this.#leave() // it may last for days: how many there are is for server.limits to say
    upstream.on('error', ignore).once('close', () => target.inFlight--)
    releaseSocket(upstream)
    if (!this.#open) return void upstream.destroy()
    const live = this.#live
    this.#live = undefined // from here on it lasts as long as the socket
    this.#close()
    const made = this.#switch(controller, upstream)
    if (made) live?.upgraded(made, upstream)
    else live?.over()
  }

  #switch(controller: Controller, upstream: Duplex): Upgraded | undefined {
    const fields = rawFields(controller)
    if (!switchesToWebSocket(fields)) {
      upstream.destroy()
      const why = new Error('the upstream switched to another protocol than WebSocket')
      this.#sink!.fail(fault('UPSTREAM_PROTOCOL_ERROR', undefined, why))
      return undefined
    }
    return this.#sink!.upgraded(this.#rules.filter.head(101, fields), upstream)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.#open || this.#refusal === 'spent' || chunk.length === 0) return // undici hands over nothing, once more, when a paused answer goes on
    const live = this.#live
    const taken = live === undefined ? chunk.length : live.passes(chunk)
    if (!this.#sink!.chunk(taken === chunk.length ? chunk : chunk.subarray(0, taken))) controller.pause()
    live?.passed()
  }

  onResponseEnd(controller: Controller): void {
    if (this.#open && this.#refusal !== undefined) {
      if (this.#refusal === 'spent') this.#replay()
      else this.#refusal = 'ended'
      return
    }
    this.#letGo()
    if (!this.#close()) return
    const fields = (controller.rawTrailers ?? []) as WireFields
    this.#sink!.end(fields.length === 0 ? undefined : this.#rules.filter.trailers(fields))
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    if (this.#open && this.#refusal === 'spent') return this.#replay()
    const target = this.#target!
    target.inFlight--
    if (this.#controller === undefined) target.pool.waiting--
    if (!this.#open) return this.#leave()
    const why = upstreamFault(error)
    const next = why.side === 'upstream' ? this.#another(error) : undefined
    const wasStale = next !== undefined && this.#controller !== undefined && !this.#fresh
    if (!wasStale) this.#judge(why)
    if (next !== undefined && this.#sendAgain(next)) return
    this.#leave()
    this.#fail(why)
  }

  #answer(status: number): void {
    clearTimeout(this.#clock)
    this.#answered = true
    this.#rules.upstreams.answered(this.#target!, this.#era, status)
  }

  #letGo(): void {
    this.#target!.inFlight--
    this.#leave()
  }

  /** Its place in the service is free only now that undici has let go: a client that comes and goes must not take two. */
  #leave(): void {
    this.#rules.places.leave()
    if (!this.#answered) this.#rules.upstreams.breaker?.ended(this.#era, this.#judged ? false : undefined)
  }

  /** Tells the upstream's balancer, once an attempt, that it gave no answer. */
  #judge(why: Fault): void {
    if (this.#judged || this.#answered || why.side !== 'upstream') return
    this.#judged = true
    this.#rules.upstreams.failed(this.#target!)
  }

  /** Where to send it once more; nowhere after a byte of an answer. */
  #another(error: Error): UpstreamTarget | undefined {
    const { upstreams } = this.#rules
    // A reset with REFUSED_STREAM behind a head is a lie: something was done (RFC 9113 §8.7).
    if (this.#heard || this.#attempts > upstreams.retries) return undefined
    const begun = this.#controller !== undefined
    if (!mayResend(error, this.#request.method, this.#body, begun)) return undefined
    const other = upstreams.pickBeside(this.#target!)
    // The classic spurious 502: the upstream closed an idle connection just as it was used again.
    return other ?? (begun && !this.#fresh ? this.#target : undefined)
  }

  #sendAgain(target: UpstreamTarget): boolean {
    try {
      const options = this.#options(target)
      this.#controller = undefined
      this.#heard = false
      this.#judged = false
      this.#send(target, options, target === this.#target)
      return true
    } catch {
      return false // the credential would not be given again
    }
  }

  #send(target: UpstreamTarget, options: Dispatcher.DispatchOptions, alone: boolean): void {
    const { upstreams, tell } = this.#rules
    this.#target = target
    this.#attempts++
    target.inFlight++
    target.pool.waiting++
    if (this.#attempts > 1) this.#request.attempts = this.#attempts
    if (upstreams.several) {
      this.#request.upstream = target.index
      tell?.(this.#request, target.index, this.#attempts)
    }
    if (alone) target.pool.dispatchAlone(options, this)
    else target.pool.dispatch(options, this)
  }

  #options(target: UpstreamTarget): Dispatcher.DispatchOptions {
    const { method } = this.#request
    const { upstreams, headersTimeout, bodyTimeout } = this.#rules
    const path = upstreams.pathAt(target, this.#request.path)
    if (path === undefined) {
      const why = `the path to send does not begin with the path of the first of base_urls`
      throw fault('INTERNAL', undefined, new Error(why))
    }
    const options: Dispatcher.DispatchOptions = {
      path,
      method: method as Dispatcher.HttpMethod,
      headers: this.#headers(target, target.origin + path),
      body: this.#body,
      // undici's clock is up to a second late; but it alone sees an upload that the upstream does not take.
      headersTimeout: this.#body instanceof Readable ? headersTimeout : 0,
      bodyTimeout,
    }
    if (this.#upgrade) options.upgrade = 'websocket'
    // undici closes the connection after every HEAD unless told that the upstream knows HTTP.
    if (method === 'HEAD' && this.#body === null) options.reset = false
    return options
  }

  #headers(target: UpstreamTarget, url: string): RawHeaders {
    const { headers, credential, method } = this.#request
    const all = headers.slice()
    if (this.#length !== undefined) all.push('Content-Length', this.#length)
    if (credential === undefined) return all
    const nonce = credential.proves ? target.nonces.of(credential) : undefined
    all.push(...credential.headers({ method, url, nonce }))
    return all
  }

  #inform(controller: Controller, status: number, fields: WireFields): void {
    if (status === 101 || ++this.#interim > MAX_INTERIM) {
      const why = status === 101 ? 'switched protocols unasked' : `sent more than ${MAX_INTERIM} interim answers`
      const failure = fault('UPSTREAM_PROTOCOL_ERROR', undefined, new Error(`the upstream ${why}`))
      this.#judge(failure)
      this.#fail(failure)
      controller.abort(failure)
    } else if (status === 102 || status === 103) {
      this.#sink!.inform(status, this.#rules.filter.interim(fields))
    }
  }

  /** Only now does the service have all it needs for an answer. */
  #startClock(): void {
    if (this.#open && !this.#answered) this.#clock ??= setTimeout(late, this.#rules.headersTimeout, this)
  }

  late(): void {
    const why = fault('UPSTREAM_TIMEOUT', 'the service did not answer in time', new Error('no head in time'))
    this.#judge(why)
    this.#fail(why)
    this.#controller?.abort(why)
  }

  /** For a trace: which of the upstreams, and how often. */
  toJSON(): Record<string, unknown> {
    return { upstream: this.#target?.index, attempts: this.#attempts }
  }

  #fail(why: Fault): void {
    if (!this.#close()) return
    if (this.#body instanceof Readable) this.#body.destroy()
    this.#sink!.fail(why)
  }

  /** Whether this was the ending. */
  #close(): boolean {
    if (!this.#open) return false
    this.#open = false
    clearTimeout(this.#clock)
    this.#live?.over()
    return true
  }
}

function late(call: UpstreamCall): void {
  call.late()
}

function ignore(): void {}
