import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import type { NearMiss, Route } from '../contract.ts'
import { assemble } from '../generation/assemble.ts'
import { Generation } from '../generation/generation.ts'
import { ServerContext } from '../generation/server-context.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { listsWebSocket } from '../run/upgrade-request.ts'
import { createListener } from '../server/listener.ts'
import { TraceHub, type TraceRecord } from '../trace/trace.ts'
import { type As, Intentions, NothingHost, silent } from './explain-host.ts'
import { explainedConfig } from './explained-config.ts'

export interface Question {
  readonly method: string
  /** Target: path and query, byte for byte. */
  readonly target: string
  readonly as: As
  /** Name, value… sent along. */
  readonly headers?: readonly (readonly [string, string])[]
}

interface ExplainedStage {
  readonly name: string
  readonly verdict: string
  readonly status?: number
  readonly code?: string
  readonly reason?: string
  readonly gave?: Readonly<Record<string, unknown>>
  /** What a live request would have done here. */
  readonly would: readonly string[]
}

export interface Explanation {
  readonly method: string
  readonly target: string
  readonly as: As
  /** Absent: no route took it. */
  readonly route?: { readonly id: string; readonly path: string; readonly at: string; readonly profile: string }
  readonly near_misses: readonly { readonly route: string; readonly at: string; readonly why: string }[]
  readonly stages: readonly ExplainedStage[]
  readonly outcome: string
  readonly status: number | null
  readonly code: string
  readonly reason?: string
}

/** Explains requests against one configuration. The listener is a private one on loopback, for as long as this is open. */
export class Explainer {
  readonly #config: LoadedConfig
  readonly #generations: Readonly<Record<As, Generation>>
  readonly #intentions: Intentions
  readonly #traces: TraceHub
  readonly #routes: ReadonlyMap<string, { readonly route: Route; readonly profile: string }>

  private constructor(
    config: LoadedConfig,
    generations: Record<As, Generation>,
    intentions: Intentions,
    traces: TraceHub,
  ) {
    this.#config = config
    this.#generations = generations
    this.#intentions = intentions
    this.#traces = traces
    this.#routes = new Map(config.programs.map(({ route, profile }) => [route.id, { route, profile }]))
  }

  static async open(config: LoadedConfig): Promise<Explainer> {
    const traces = new TraceHub()
    const intentions = new Intentions()
    const context = new ServerContext(silent, traces)
    const build = (as: As) =>
      Generation.build(1, explainedConfig(config), context, (explained, scope) =>
        assemble(
          explained,
          (name, options) => new NothingHost(scope.child(name), explained, { name, options, as, intentions }),
        ),
      )
    return new Explainer(config, { anonymous: await build('anonymous'), user: await build('user') }, intentions, traces)
  }

  async explain(question: Question): Promise<Explanation> {
    const record = await this.#trace(question)
    const won = record.route === undefined ? undefined : this.#routes.get(record.route)
    const told = this.#intentions.of(record.correlation_id)
    return {
      method: question.method,
      target: question.target,
      as: question.as,
      ...(won && { route: { id: won.route.id, path: won.route.path, at: won.route.at, profile: won.profile } }),
      // What core refuses never reached the router: nothing came near.
      near_misses: (record.stages.length === 0 ? [] : this.#nearMisses(question, won?.route)).map(({ route, why }) => ({
        route: route.id,
        at: route.at,
        why,
      })),
      stages: record.stages.map(({ ms: _, ...stage }) => ({
        ...stage,
        would: told.filter((each) => each.stage === stage.name).map((each) => each.text),
      })),
      outcome: record.outcome,
      status: record.status,
      code: record.code,
      ...(record.reason !== undefined && { reason: record.reason }),
    }
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#generations).map((generation) => generation.retire(0)))
  }

  #nearMisses(question: Question, won: Route | undefined): readonly NearMiss[] {
    const router = this.#config.profile.stages.find(({ stage }) => stage.role === 'router')
    const [path = ''] = question.target.split('?', 1)
    const routes = this.#config.programs.map((planned) => planned.route)
    const request = { method: question.method, path, host: hostOf(question, this.#config) }
    return router?.stage.nearMisses?.(request, won, routes) ?? []
  }

  /** One real request over a socket: what core refuses before any stage is explained by core itself. */
  async #trace(question: Question): Promise<TraceRecord> {
    const listener = createListener(() => this.#generations[question.as])
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const id = randomUUID()
    try {
      return await new Promise<TraceRecord>((resolve, reject) => {
        const records: TraceRecord[] = []
        let answer = ''
        const settle = () => {
          // What cannot be read has no correlation id yet: its record bears the one that its answer was given.
          const answered = /^X-Correlation-ID: (\S+)\r$/im.exec(answer)?.[1]
          const own = records.find(({ correlation_id }) => correlation_id === id || correlation_id === answered)
          if (!own) return
          stop()
          resolve(own)
        }
        const stop = this.#traces.subscribe((record) => {
          records.push(record)
          settle()
        })
        const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1')
        socket.on('error', reject)
        socket.setEncoding('latin1')
        socket.on('data', (text) => {
          answer += text
          settle()
        })
        socket.write(requestText(question, id, hostOf(question, this.#config)), 'latin1')
      })
    } finally {
      listener.closeAllConnections()
      listener.close()
    }
  }
}

function hostOf({ headers = [] }: Question, { server }: LoadedConfig): string {
  return headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? new URL(server.public_url).host
}

/** What a handshake has beside `Upgrade`, where the question did not say. */
const handshakeFields = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']

function sameField(field: string, name: string): boolean {
  return field.toLowerCase().startsWith(`${name.toLowerCase()}:`)
}

function requestText({ method, target, headers = [] }: Question, id: string, host: string): string {
  const own = headers.filter(([name]) => !['host', 'x-correlation-id', 'connection'].includes(name.toLowerCase()))
  const lines = own.map(([name, value]) => `${name}: ${value}`)
  const upgrade = own.some(([name, value]) => name.toLowerCase() === 'upgrade' && listsWebSocket(value))
  if (upgrade) lines.push(...handshakeFields.filter((field) => !own.some(([name]) => sameField(field, name))))
  return [
    `${method} ${target} HTTP/1.1`,
    `Host: ${host}`,
    `X-Correlation-ID: ${id}`,
    `Connection: ${upgrade ? 'Upgrade' : 'close'}`,
    ...lines,
    '',
    '',
  ].join('\r\n')
}
