import { performance } from 'node:perf_hooks'
import type { Fault, Head, RawHeaders, Route } from '../contract.ts'
import { fault, isFault } from '../errors.ts'
import type { Trace } from '../trace/trace.ts'
import { Answer, type AnswerOwner } from './answer.ts'
import { ClientBody } from './body.ts'
import type { ClientAnswer, ClientRequest } from './client-message.ts'
import { currentStage } from './current-stage.ts'
import { LiveExchange, type Runner } from './exchange.ts'
import type { Ground, Line } from './ground.ts'
import { type Arrival, type Refusal, refusal, tooEarly } from './inbound.ts'
import type { Limits } from './limits.ts'
import { outcomeOf } from './outcome.ts'
import type { AnyExchange, Program, Step } from './program.ts'
import { respond } from './respond.ts'
import { settle } from './settle.ts'
import { closeCodeOf, closeReasonOf, tunnelFault } from './upgrade-end.ts'
import type { Handshake } from './upgrade-handshake.ts'
import type { Tunnel, TunnelEnd } from './upgrade-tunnel.ts'
import { invalidVerdict, isThenable, type Said } from './verdict.ts'

const none: ReadonlySet<string> = new Set()
/** No inherited names, and unlike an object without any prototype no hash table for each request. */
const noSlots: object = Object.freeze(Object.create(null))

/** One request from its first stage to its one ending. */
export class Flight implements Runner, AnswerOwner {
  readonly id: string
  readonly method: string
  readonly body: ClientBody
  handshake: Handshake | undefined
  readonly slots: Partial<Record<string, unknown>> = Object.create(noSlots)
  reads: ReadonlySet<string> = none
  position = -1
  /** Where it stands among the requests under way. */
  seat = -1
  readonly #req: ClientRequest
  readonly #res: ClientAnswer
  #ground: Ground
  readonly #line: Line
  readonly #started = performance.now()
  readonly #x: LiveExchange
  readonly #answer: Answer
  readonly #trace: Trace | undefined
  #program: Program
  #words = 0
  #stage = 'core'
  #code = 'OK'
  #reason: string | undefined
  #fault: Fault | undefined
  #settled = false
  #cutShort = false
  #tunnel: Tunnel | undefined
  #abort: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(arrival: Arrival, ground: Ground, line: Line) {
    const { inbound, req, res } = arrival
    this.id = inbound.id
    this.method = inbound.method
    this.#req = req
    this.#res = res
    this.#ground = ground
    this.#line = line
    this.#program = ground.pipeline.unrouted
    this.body = new ClientBody(req, res, arrival, line.limits)
    this.#x = new LiveExchange(inbound, this)
    this.#answer = new Answer(res, this)
    this.#trace = ground.traces.begin()
    this.handshake = arrival.handshake
    this.handshake?.watch(this)
    ground.began(this)
    res.on('close', () => this.#land())
    res.on('error', ignore)
  }

  /** Runs the pipeline. */
  run(): void {
    this.position = 0
    this.#advance()
  }

  /** Core's own refusal, before any stage. */
  refuse({ status, code, detail, headers, retryAfter }: Refusal): void {
    this.#code = code
    this.#answer.reply(status, code, { detail, headers, retryAfter }, 'core')
  }

  /** Its turn never came: the connection was gone before. */
  lost(): void {
    this.#land()
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#cutShort) this.#abort.abort()
    return this.#abort.signal
  }

  get route(): Route | undefined {
    return this.#program.route
  }

  get routeId(): string | undefined {
    return this.#program.route?.id
  }

  get serviceName(): string | undefined {
    const { route } = this.#program
    const chosen = this.slots.service
    // One that the route does not list gets no request.
    if (typeof chosen === 'string' && route?.other_services?.includes(chosen)) return chosen
    return route?.target_service || undefined
  }

  said(_verdict: Said): void {
    this.#words++
  }

  cancel(reason: Fault): void {
    if (this.#settled || this.#res.writableFinished) return
    const why = asFault(reason)
    if (this.#tunnel) return this.#closeTunnel(this.#tunnel, why)
    this.#answer.detach(why)
    this.#answer.refuse(why)
    this.#cut()
  }

  /** The client's body broke off in the middle. */
  breakOff(why: Fault): void {
    this.cancel(why)
    this.body.break(why)
  }

  early(): void {
    if (!this.#answer.headSent) this.breakOff(fault('BAD_REQUEST', tooEarly))
  }

  left(): void {
    if (!this.#answer.headSent) this.cancel(fault('CLIENT_CLOSED'))
  }

  get limits(): Limits {
    return this.#line.limits
  }

  /** No longer HTTP: it lasts until one of its sides, or we, end it. */
  get isTunnel(): boolean {
    return this.#tunnel !== undefined
  }

  /** Nothing is left to run but what settles it, and it may go on for days. */
  get isLasting(): boolean {
    return this.isTunnel || (this.#program.route?.streaming === true && this.#answer.headSent)
  }

  /**
   * Goes on in a later generation, on a route that is the same, so that the old one can be closed. Observers hear the end in the new one;
   * a filter that ran must hear it itself, as it may have counted.
   */
  moveTo(ground: Ground, program: Program): void {
    const ran = this.#program.settlers.filter((step) => step.run)
    const settlers = ran.length === 0 ? program.settlers : [...ran, ...program.settlers.filter((step) => !step.run)]
    this.#program = { ...program, settlers }
    this.#ground = ground
    this.slots.route = program.route
  }

  upgraded(tunnel: Tunnel): void {
    this.#tunnel = tunnel
    this.handshake = undefined // with all it held of node:http: an idle socket must cost little
    this.#ground.lasts(this)
  }

  /** Both sockets are closed. */
  tunnelEnded(how: TunnelEnd): void {
    const why = tunnelFault(how)
    if (why !== undefined) this.failed(why)
    if (this.#code !== 'OK') this.#cut()
    this.#land()
  }

  edit(status: number, headers: RawHeaders, by: Head['by']): number {
    const { responders } = this.#program
    return responders.length === 0 ? status : respond(responders, this, status, headers, by)
  }

  /** The exchange as this stage's hook may see it. */
  enter(step: Step): AnyExchange {
    this.reads = step.reads
    return this.#x as AnyExchange
  }

  blame(step: Step): void {
    this.#stage = step.name
  }

  closing(): boolean {
    if (!this.body.complete) this.#line.closeGently()
    return this.#line.isLast || this.#ground.draining || this.body.withheld || this.body.broken !== undefined
  }

  clientFault(): Fault | undefined {
    return this.#gone ? fault('CLIENT_CLOSED') : this.body.broken
  }

  failed(why: Fault): void {
    this.#fault ??= why
    this.#code = this.#fault.code
  }

  defect(error: unknown): void {
    const cause = isFault(error) ? (error.cause ?? error) : error
    this.#ground.log.error({ stage: this.#stage, correlation_id: this.id, err: cause }, 'stage_failed')
  }

  get #gone(): boolean {
    return this.#res.destroyed || this.#req.socket?.destroyed === true
  }

  #advance(): void {
    while (!this.#settled) {
      const step = this.#program.steps[this.position]
      if (!step) return this.#crash('core', fault('INTERNAL', 'the program ended without an answer'))
      this.#words = 0
      this.#stage = step.name
      this.#trace?.enter()
      this.reads = step.reads
      let verdict: unknown
      currentStage[1] = step.number
      try {
        verdict = step.run!(this.#x as AnyExchange)
        currentStage[1] = 0
        if (isThenable(verdict)) return this.#wait(step, Promise.resolve(verdict))
      } catch (error) {
        currentStage[1] = 0
        return this.#crash(step.name, error)
      }
      if (!this.#take(step, verdict)) return
    }
  }

  #wait(step: Step, verdict: Promise<unknown>): void {
    let late = false
    this.#timer = setTimeout(() => {
      late = true
      this.#crash(step.name, fault('INTERNAL', `stage ${step.name} gave no verdict within ${step.timeout} ms`))
      this.#cut()
    }, step.timeout)
    verdict.then(
      (value) => {
        clearTimeout(this.#timer)
        if (!late && !this.#settled && this.#take(step, value)) this.#advance()
      },
      (error) => {
        clearTimeout(this.#timer)
        if (!late) this.#crash(step.name, error)
      },
    )
  }

  /** Whether to go on. Anything but exactly one verdict, said here and now and returned, denies. */
  #take(step: Step, verdict: unknown): boolean {
    if (this.#answer.taken) return false // cancelled while the stage ran
    const why = invalidVerdict(verdict, step, this.#x, this.position, this.#words)
    if (why) {
      this.#crash(step.name, fault('INTERNAL', `stage ${step.name} ${why}`))
      return false
    }
    const { word } = verdict as Said
    this.#trace?.said(step.name, word)
    switch (word.kind) {
      case 'reply':
        this.#code = word.status >= 400 ? word.code : 'OK'
        this.#reason = word.extra.reason
        if (word.extra.cause !== undefined) this.#fault = asFault(word.extra.cause)
        this.#answer.reply(word.status, word.code, word.extra, 'stage')
        return false
      case 'stream':
        this.#pump(step, word.source)
        return false
      case 'proceed':
        for (const slot of step.provides) this.slots[slot] = word.values?.[slot]
        return this.#next(step)
    }
  }

  #next(step: Step): boolean {
    if (this.position === 0) {
      const program = this.#ground.pipeline.programs.get(this.slots.route as Route)
      if (!program) {
        this.#crash(step.name, fault('INTERNAL', `stage ${step.name} gave a route that is not of this profile`))
        return false
      }
      this.#program = program
      // On a stream of HTTP/2 both sides may talk for hours, and say nothing in between (gRPC).
      if (program.route?.streaming && this.#req.httpVersionMajor === 2) this.body.patient()
    }
    this.position++
    return this.position > 1 || this.#mayUpgrade()
  }

  #mayUpgrade(): boolean {
    if (!this.handshake || this.#program.route?.websocket) return true
    this.#stage = 'core'
    this.refuse(refusal('NOT_IMPLEMENTED', 'this route takes no WebSocket'))
    return false
  }

  #closeTunnel(tunnel: Tunnel, why: Fault): void {
    this.failed(why)
    tunnel.close(closeCodeOf(why, this.#ground.draining), closeReasonOf(why))
  }

  #pump(step: Step, source: Parameters<Answer['pump']>[0]): void {
    try {
      this.#answer.pump(source)
    } catch (error) {
      this.#answer.detach(fault('INTERNAL'))
      this.#crash(step.name, error)
    }
  }

  /** Denied, never through; told once. */
  #crash(stage: string, error: unknown): void {
    if (this.#settled) return
    const why = isFault(error) ? error : fault('INTERNAL', undefined, error)
    this.#stage = stage
    this.#trace?.failed(stage, why.code)
    if (why.status >= 500) {
      this.#ground.metrics.stageFailed(stage)
      this.defect(why)
    }
    if (!this.#answer.taken) this.#answer.refuse(why)
  }

  /** Whatever still works for this request may stop. */
  #cut(): void {
    this.#cutShort = true
    this.#abort?.abort()
  }

  /** The one ending, once the body and the connection had their last word. */
  #land(): void {
    if (this.#settled) return
    this.#settled = true
    clearTimeout(this.#timer)
    this.body.end()
    const finished = this.#res.writableFinished || this.#tunnel !== undefined
    if (!finished) this.#abandon()
    else if (!this.#req.complete) this.#line.leftUnread(this.#req)
    this.#ground.ended(this)
    const outcome = this.#outcome(finished)
    this.#program.meter?.ended(outcome)
    this.#trace?.end(this.#x, this.#program.route, this.serviceName, outcome)
    settle(this.#program.settlers, outcome, (step) => this.enter(step), this.#ground)
    this.#line.ended()
  }

  #abandon(): void {
    const gone = fault('CLIENT_CLOSED')
    this.#answer.detach(gone)
    this.failed(gone)
    this.#cut()
  }

  #outcome(finished: boolean) {
    return outcomeOf({
      finished,
      upgraded: this.#tunnel !== undefined,
      status: this.#answer.status,
      stage: this.#stage,
      code: this.#code,
      reason: this.#reason,
      fault: this.#fault,
      ms: performance.now() - this.#started,
      bytesIn: this.#tunnel?.bytesIn ?? this.body.received,
      bytesOut: this.#tunnel?.bytesOut ?? this.#answer.bytesOut,
    })
  }
}

function ignore(): void {}

function asFault(cause: unknown): Fault {
  return isFault(cause) ? cause : fault('INTERNAL', cause instanceof Error ? cause.message : undefined, cause)
}
