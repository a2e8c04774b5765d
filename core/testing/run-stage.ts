// One stage under the real engine, between two probes: what a test says came before it, and what a test says answers behind it.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { ListedStage } from '../compile/profile.ts'
import { roleOf } from '../compile/profile.ts'
import type { Fault, Head, Kit, Outcome, RawHeaders, Role, SlotName, Slots, Source, Stage } from '../contract.ts'
import { defineStage } from '../define.ts'
import { Generation } from '../generation/generation.ts'
import { ServerContext } from '../generation/server-context.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { notAPlugin } from '../plugin-loading/check-plugin.ts'
import { kit } from '../plugin-loading/plugin-loader.ts'
import { createListener } from '../server/listener.ts'
import { CapturedLog, type LogLine } from './captured-log.ts'
import { MemoryRequest, MemoryResponse, type RequestInput, type TestAnswer } from './memory-exchange.ts'
import { listed, type StageInput, stageConfig } from './stage-config.ts'

/** What `runStage` takes: the request, and what the stage is set up with. */
export interface RunInput extends StageInput {
  readonly request?: RequestInput
  /** What answers behind a stage that proceeds; 200 without a body unless said. */
  readonly answer?: AnswerInput
}

/** The answer that stands in for the stages behind. */
export interface AnswerInput {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What one request came to. */
export interface StageRun {
  /**
   * `invalid`: it threw, gave no verdict in time or none that counts; `outcome.fault` says which. `none`: it gives none here, as an
   * observer, or because it does not apply to this route.
   */
  readonly verdict: 'proceed' | 'reply' | 'stream' | 'invalid' | 'none'
  /** What it gave with `proceed`. */
  readonly slots: Partial<Slots>
  /** As the client got it, after response hooks; undefined: the connection was broken off. */
  readonly answer: TestAnswer | undefined
  readonly outcome: Outcome
  readonly log: readonly LogLine[]
}

/** A stage that is set up, for several requests. */
export interface RunningStage extends AsyncDisposable {
  readonly log: CapturedLog
  /** `leave`: the client goes as soon as the stage has begun. */
  run(request?: RequestInput, more?: { readonly leave?: boolean }): Promise<StageRun>
  /** Runs what the stage's `setup` registered for closing. */
  close(): Promise<void>
}

/** A stage, or the function that a plugin file exports. */
export type StageOrMaker = Stage | ((kit: Kit) => Stage)

/** One request through one stage, without a socket. Options, route keys and sections are validated as `bascule check` would. */
export async function runStage(stage: StageOrMaker, { request, ...input }: RunInput = {}): Promise<StageRun> {
  const running = await setUpStage(stage, input)
  try {
    return await running.run(request)
  } finally {
    await running.close()
  }
}

/** For several requests through one setup: a stage that counts, caches or limits. */
export async function setUpStage(made: StageOrMaker, input: Omit<RunInput, 'request'> = {}): Promise<RunningStage> {
  const stage = typeof made === 'function' ? made(kit) : made
  const why = notAPlugin(stage)
  if (why) throw new TypeError(`the stage ${why}`)
  const probes = new Probes(stage, input)
  const config = probes.within(stageConfig(stage, input, (own) => probes.around(own)))
  const log = new CapturedLog()
  const generation = await Generation.build(1, config, new ServerContext(log.log))
  const listener = createListener(() => generation)
  const close = () => generation.retire(0)
  return { log, close, run: (request, more) => probes.run(listener, log, request, more), [Symbol.asyncDispose]: close }
}

interface Seen {
  passed: boolean
  by: Head['by'] | undefined
  slots: Partial<Slots>
  settle: (outcome: Outcome) => void
}

/** The stages around the one under test; they note what became of each request. */
class Probes {
  readonly #stage: Stage
  readonly #input: Omit<RunInput, 'request'>
  /** By the request's own array of headers: an id might come twice. */
  readonly #seen = new WeakMap<RawHeaders, Seen>()

  /** To this route, that is. */
  #applies = true

  constructor(stage: Stage, input: Omit<RunInput, 'request'>) {
    this.#stage = stage
    this.#input = input
  }

  around(own: ListedStage): readonly ListedStage[] {
    const role: Role = roleOf(own.stage)
    const before = role === 'router' ? [] : [listed(this.#before(), undefined)]
    const after = role === 'terminal' ? [] : [listed(this.#after(), undefined)]
    return [...before, own, ...after, listed(this.#watch(), undefined)]
  }

  within(config: LoadedConfig): LoadedConfig {
    this.#applies = config.profile.stages.some(({ stage }) => stage === this.#stage)
    return config
  }

  async run(listener: Server, log: CapturedLog, input: RequestInput = {}, { leave = false } = {}): Promise<StageRun> {
    const req = new MemoryRequest(input, randomUUID())
    const res = new MemoryResponse(req)
    const from = log.lines.length
    const seen: Seen = { passed: false, by: undefined, slots: {}, settle: () => {} }
    const settled = new Promise<Outcome>((resolve) => {
      seen.settle = resolve
    })
    this.#seen.set(req.rawHeaders, seen)
    listener.emit('request', req as unknown as IncomingMessage, res as unknown as ServerResponse)
    if (leave) req.socket.destroy()
    const outcome = await settled
    const { answer } = res
    if (outcome.stage === 'core' && outcome.result === 'rejected')
      throw new TypeError(`the host refused the request before any stage: ${outcome.code} ${answer?.body ?? ''}`)
    return { verdict: this.#verdict(seen, outcome), slots: seen.slots, answer, outcome, log: log.lines.slice(from) }
  }

  #verdict({ passed, by }: Seen, { result }: Outcome): StageRun['verdict'] {
    const role = roleOf(this.#stage)
    if (passed) return role === 'observer' || !this.#applies ? 'none' : 'proceed'
    if (by === undefined && result === 'aborted') return 'none'
    if (by === 'stage') return 'reply'
    return by === 'upstream' && role === 'terminal' ? 'stream' : 'invalid'
  }

  #before(): Stage {
    const { slots = {} } = this.#input
    const given = Object.keys(slots).filter((slot) => slot !== 'route') as SlotName[]
    return defineStage<undefined, 'router', never, never, SlotName>({
      name: 'test-before',
      role: 'router',
      provides: ['route', ...given],
      setup: (host) => ({ run: (x) => x.proceed({ ...slots, route: host.routes[0] } as Slots) }),
    })
  }

  #after(): Stage {
    const wants: readonly SlotName[] = this.#stage.provides ?? []
    return defineStage<undefined, 'terminal', never, SlotName>({
      name: 'test-after',
      role: 'terminal',
      wants,
      setup: () => () => ({
        run: (x) => {
          const seen = this.#seen.get(x.rawHeaders)!
          seen.passed = true
          for (const slot of wants) Object.assign(seen.slots, { [slot]: x.peek(slot) })
          return x.stream(answerOf(this.#input.answer))
        },
      }),
    })
  }

  #watch(): Stage {
    return defineStage({
      name: 'test-watch',
      role: 'observer',
      setup: () => ({
        response: (x, head) => {
          this.#seen.get(x.rawHeaders)!.by = head.by
        },
        settled: (x, outcome) => {
          this.#seen.get(x.rawHeaders)!.settle(outcome)
        },
      }),
    })
  }
}

function answerOf({ status = 200, headers = {}, body = '' }: AnswerInput = {}): Source {
  return {
    start(sink) {
      sink.head(status, Object.entries(headers).flat())
      if (body !== '') sink.chunk(new TextEncoder().encode(body))
      sink.end()
    },
    room() {},
    stop(_why: Fault) {},
  }
}
