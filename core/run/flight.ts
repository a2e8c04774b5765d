import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Fault, Log, Outcome, RawHeaders, Route } from '../contract.ts'
import { fault, isFault } from '../errors.ts'
import { Answer, type AnswerOwner } from './answer.ts'
import { ClientBody } from './body.ts'
import { type Inbound, LiveExchange, type Runner } from './exchange.ts'
import { LiveHead } from './head.ts'
import type { AnyExchange, Pipeline, Program, Step } from './program.ts'
import { settle } from './settle.ts'
import { Said } from './verdict.ts'

/** What a flight needs of the generation it began in. */
export interface Ground {
  readonly pipeline: Pipeline
  readonly log: Log
  /** New requests are refused or their connections closed. */
  readonly draining: boolean
  began(flight: Flight): void
  ended(flight: Flight): void
}

const none: ReadonlySet<string> = new Set()
/** How much of a refused body is read before the connection is closed instead (RFC 9112 §9.3). */
const LINGER_BYTES = 1024 * 1024
const LINGER_MS = 5_000

/** One request from its first stage to its one ending. */
export class Flight implements Runner, AnswerOwner {
  readonly id: string
  readonly method: string
  readonly body: ClientBody
  readonly slots: Partial<Record<string, unknown>> = Object.create(null)
  reads: ReadonlySet<string> = none
  position = -1
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #ground: Ground
  readonly #started = performance.now()
  readonly #x: LiveExchange
  readonly #answer: Answer
  #program: Program
  #words = 0
  #stage = 'core'
  #code = 'OK'
  #reason: string | undefined
  #fault: Fault | undefined
  #settled = false
  #cutShort = false
  #distrusted = false
  #abort: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    inbound: Inbound,
    req: IncomingMessage,
    res: ServerResponse,
    ground: Ground,
    expects: boolean,
    hasBody: boolean,
  ) {
    this.id = inbound.id
    this.method = inbound.method
    this.#req = req
    this.#res = res
    this.#ground = ground
    this.#program = ground.pipeline.unrouted
    this.body = new ClientBody(req, res, hasBody, expects)
    this.#x = new LiveExchange(inbound, this)
    this.#answer = new Answer(res, this)
    ground.began(this)
    res.on('close', this.#onClose)
    res.on('error', ignore)
  }

  /** Runs the pipeline. */
  run(): void {
    this.position = 0
    this.#advance()
  }

  /** Core's own refusal, before any stage. */
  refuse(status: number, code: string, detail?: string): void {
    this.#code = code
    this.#answer.reply(status, code, detail === undefined ? {} : { detail }, 'core')
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
    return this.#program.route?.target_service || undefined
  }

  said(_verdict: Said): void {
    this.#words++
  }

  cancel(why: Fault): void {
    if (this.#settled) return
    this.#answer.detach(why)
    this.#answer.refuse(why)
  }

  edit(status: number, headers: RawHeaders, by: 'upstream' | 'stage' | 'core'): number {
    const { responders } = this.#program
    if (responders.length === 0) return status
    const head = new LiveHead(status, headers, by)
    for (const { from, step } of responders) {
      if (from > this.position) continue
      this.reads = step.reads
      step.response!(this.#x as AnyExchange, head)
    }
    return head.status
  }

  /** Nothing that follows on this connection is to be believed. */
  closeAfter(): void {
    this.#distrusted = true
  }

  mustClose(): boolean {
    return this.#distrusted || this.#ground.draining || this.body.withheld
  }

  clientFault(): Fault | undefined {
    return this.#gone ? fault('CLIENT_CLOSED') : this.body.broken
  }

  failed(why: Fault): void {
    this.#fault ??= why
    this.#code = this.#fault.code
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
      this.reads = step.reads
      let verdict: unknown
      try {
        verdict = step.run!(this.#x as AnyExchange)
      } catch (error) {
        return this.#crash(step.name, error)
      }
      if (isThenable(verdict)) return this.#wait(step, verdict)
      if (!this.#take(step, verdict)) return
    }
  }

  #wait(step: Step, verdict: PromiseLike<unknown>): void {
    let late = false
    this.#timer = setTimeout(() => {
      late = true
      this.#crash(step.name, fault('INTERNAL', `stage ${step.name} gave no verdict within ${step.timeout} ms`))
    }, step.timeout)
    const done = (next: () => void) => {
      clearTimeout(this.#timer)
      if (!late && !this.#settled) next()
    }
    verdict.then(
      (value) =>
        done(() => {
          if (this.#take(step, value)) this.#advance()
        }),
      (error) => done(() => this.#crash(step.name, error)),
    )
  }

  /** Whether to go on. Anything but exactly one verdict, said here and now and returned, denies. */
  #take(step: Step, verdict: unknown): boolean {
    if (this.#answer.taken) return false // cancelled while the stage ran
    const why = this.#invalid(step, verdict)
    if (why) {
      this.#crash(step.name, fault('INTERNAL', `stage ${step.name} ${why}`))
      return false
    }
    const { word } = verdict as Said
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
    }
    this.position++
    return true
  }

  #pump(step: Step, source: Parameters<Answer['pump']>[0]): void {
    try {
      this.#answer.pump(source)
    } catch (error) {
      this.#answer.detach(fault('INTERNAL'))
      this.#crash(step.name, error)
    }
  }

  #invalid(step: Step, verdict: unknown): string | undefined {
    if (!(verdict instanceof Said)) return `returned ${describe(verdict)}, which is no verdict`
    if (verdict.by !== this.#x) return 'returned a verdict of another request'
    if (verdict.position !== this.position) return 'returned a verdict said by an earlier stage'
    if (this.#words !== 1) return `said ${this.#words} verdicts; a denial must be returned where it is said`
    const { word } = verdict
    if (word.kind === 'stream') return step.terminal ? undefined : 'is no terminal stage, but answered with a stream'
    if (word.kind === 'reply') return undefined
    if (step.terminal) return 'is the terminal stage, but proceeded'
    const missing = step.provides.find((slot) => word.values?.[slot] === undefined)
    if (missing) return `promised the slot ${missing}, but did not give it`
    if (word.values && Object.keys(word.values).length !== step.provides.length)
      return 'gave a slot that it does not provide'
    return undefined
  }

  /** Denied, never through; told once. */
  #crash(stage: string, error: unknown): void {
    if (this.#settled) return
    const why = isFault(error) ? error : fault('INTERNAL', undefined, error)
    this.#stage = stage
    if (why.status >= 500)
      this.#ground.log.error({ stage, correlation_id: this.id, err: why.cause ?? why }, 'stage_failed')
    if (!this.#answer.taken) this.#answer.refuse(why)
  }

  readonly #onClose = (): void => {
    if (this.#settled) return
    this.#settled = true
    clearTimeout(this.#timer)
    const finished = this.#res.writableFinished
    if (finished) this.#linger()
    else this.#breakOff()
    this.#ground.ended(this)
    settle(
      this.#program.settlers,
      this.#outcome(finished),
      (step) => {
        this.reads = step.reads
        return this.#x as AnyExchange
      },
      this.#ground.log,
    )
  }

  #breakOff(): void {
    const gone = fault('CLIENT_CLOSED')
    this.#cutShort = true
    this.#answer.detach(gone)
    this.failed(gone)
    this.#abort?.abort()
  }

  #outcome(finished: boolean): Outcome {
    const code = this.#code
    const aborted = !finished && (this.#fault === undefined || this.#fault.code === 'CLIENT_CLOSED')
    const result = aborted
      ? 'aborted'
      : this.#fault && this.#fault.side !== 'client'
        ? 'failed'
        : code === 'OK'
          ? 'completed'
          : 'rejected'
    return {
      result,
      status: this.#answer.status,
      stage: this.#stage,
      code: aborted ? 'CLIENT_CLOSED' : code,
      reason: this.#reason,
      fault: this.#fault,
      ms: performance.now() - this.#started,
      bytesIn: this.body.received,
      bytesOut: this.#answer.bytesOut,
    }
  }

  /** Reads what is left of a body nobody wanted, within bounds, so that the answer is not lost to a reset; else closes. */
  #linger(): void {
    const { socket } = this.#req
    if (this.#distrusted) return void socket?.destroySoon?.()
    if (this.body.complete || !socket || socket.destroyed) return
    let left = LINGER_BYTES
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    timer.unref()
    this.#req.on('data', (piece: Uint8Array) => {
      left -= piece.length
      if (left < 0) socket.destroy()
    })
    this.#req.on('close', () => clearTimeout(timer))
    this.#req.on('end', () => clearTimeout(timer))
    this.#req.resume()
  }
}

function ignore(): void {}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'object' ? 'an object' : String(value)
}

function asFault(cause: unknown): Fault {
  return isFault(cause) ? cause : fault('INTERNAL', cause instanceof Error ? cause.message : undefined, cause)
}
