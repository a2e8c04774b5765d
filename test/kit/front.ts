import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { ServerContext } from '../../core/generation/server-context.ts'
import type { Head, Log, Outcome, ReplyExtra, Route, Sink, Verdict } from '../../core/index.ts'
import type { Flight } from '../../core/run/flight.ts'
import type { Ground } from '../../core/run/ground.ts'
import { defaultLimits, type Limits } from '../../core/run/limits.ts'
import { OwnNames } from '../../core/run/own-names.ts'
import { type AnyExchange, program, type Step } from '../../core/run/program.ts'
import { createListener } from '../../core/server/listener.ts'
import type { TestLike } from './bascule.ts'

export interface Front {
  readonly url: string
  /** How each request ended, in that order. The requests themselves are not kept. */
  readonly told: readonly Outcome[]
  /** What the stages threw, as it was logged. */
  readonly logged: readonly { readonly msg: string; readonly fields: object }[]
  /** Flights under way. */
  readonly flights: ReadonlySet<Flight>
  /** When so many requests have ended. */
  ended(count: number): Promise<Outcome[]>
  /** Lets go of what was told: the stack of a fault holds the request. */
  forget(): void
  ground: { draining: boolean; closed: boolean }
}

export interface Stages {
  /** A filter before the terminal stage. */
  run?(x: AnyExchange): unknown
  /** The terminal stage; answers `fine` unless said. */
  answer?(x: AnyExchange): unknown
  response?(x: AnyExchange, head: Head): unknown
  settled?(x: AnyExchange, outcome: Outcome): unknown
  /** Milliseconds for one `run`. */
  timeout?: number
}

/** The public listener over four stages made of functions: the runner without config, profiles and plugins. */
export async function startFront(t: TestLike, stages: Stages = {}, limits: Partial<Limits> = {}): Promise<Front> {
  const made = new MadeFront(stages, limits)
  const server = createListener(() => made.grounds)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  made.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return made
}

class MadeFront implements Front {
  url = ''
  readonly told: Outcome[] = []
  readonly logged: { msg: string; fields: object }[] = []
  readonly flights = new Set<Flight>()
  readonly grounds: Ground & { draining: boolean; closed: boolean }
  readonly #waiting = new Set<() => void>()

  constructor(stages: Stages, limits: Partial<Limits>) {
    const route = Object.freeze({ id: 'all', target_service: 'any' }) as unknown as Route
    const steps = stepsOf(stages, route, (outcome) => this.#tell(outcome))
    const outside = steps.filter((step) => step.name === 'router' || step.name === 'spy')
    const { traces, metrics } = new ServerContext(this.#log())
    this.grounds = {
      pipeline: { unrouted: program(undefined, outside), programs: new Map([[route, program(route, steps)]]) },
      log: this.#log(),
      traces,
      metrics,
      limits: { ...defaultLimits, ...limits },
      names: new OwnNames(['http://app.example'], []),
      draining: false,
      closed: false,
      began: (flight) => this.flights.add(flight),
      ended: (flight) => this.flights.delete(flight),
      lasts: () => {},
    }
  }

  get ground() {
    return this.grounds
  }

  ended(count: number): Promise<Outcome[]> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.told.length < count) return
        this.#waiting.delete(look)
        resolve([...this.told])
      }
      this.#waiting.add(look)
      look()
    })
  }

  forget(): void {
    this.told.length = 0
  }

  #tell(outcome: Outcome): void {
    this.told.push(outcome)
    for (const look of [...this.#waiting]) look()
  }

  #log(): Log {
    const keep = (fields: object, msg: string) => void this.logged.push({ msg, fields })
    return { debug: keep, info: keep, warn: keep, error: keep, line: () => {} }
  }
}

function stepsOf(stages: Stages, route: Route, tell: (outcome: Outcome) => void): Step[] {
  const plain = {
    number: 0,
    terminal: false,
    provides: [],
    reads: new Set<string>(),
    timeout: stages.timeout ?? 30_000,
  }
  const none = { run: undefined, response: undefined, settled: undefined }
  return [
    { ...plain, ...none, name: 'router', provides: ['route'], run: (x) => proceed(x, { route }) },
    {
      ...plain,
      name: 'filter',
      run: (x) => (stages.run?.(x) ?? proceed(x)) as Verdict,
      response: stages.response as Step['response'],
      settled: stages.settled as Step['settled'],
    },
    {
      ...plain,
      ...none,
      name: 'answer',
      terminal: true,
      run: (x) => (stages.answer ? stages.answer(x) : x.reply(200, 'OK', { body: `fine ${x.target}` })) as Verdict,
    },
    {
      ...plain,
      ...none,
      name: 'spy',
      settled: (_x, outcome) => {
        tell(outcome)
        return undefined
      },
    },
  ]
}

/** `AnyExchange` may give every slot, so its type asks for all of them. */
function proceed(x: AnyExchange, values?: object): Verdict {
  return (x as unknown as { proceed(values?: object): Verdict }).proceed(values)
}

/** A terminal stage whose source does what the test says once it is started. */
export function source(
  start: (sink: Sink, x: AnyExchange) => void,
  more: { room?: () => void; stop?: () => void } = {},
): (x: AnyExchange) => unknown {
  return (x) =>
    x.stream({ start: (sink) => start(sink, x), room: more.room ?? (() => {}), stop: more.stop ?? (() => {}) })
}

/** A terminal stage that replies. */
export function replying(status: number, extra: ReplyExtra = {}, code = 'OK'): (x: AnyExchange) => unknown {
  return (x) => x.reply(status, code, extra)
}

const fields = 'Host: app.example\r\n'

export function get(path = '/x', more = ''): string {
  return `GET ${path} HTTP/1.1\r\n${fields}${more}\r\n`
}

export function post(body: string, path = '/x', more = `Content-Length: ${body.length}\r\n`): string {
  return `POST ${path} HTTP/1.1\r\n${fields}${more}\r\n${body}`
}
