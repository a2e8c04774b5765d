import { z } from 'zod'
import { defineStage, type Host, type LogSink, mapInTurns, type Outcome, type Route } from '../core/index.ts'
import { type AccessFields, accessFields, LineForm, type LoggedExchange } from './lib/access-line.ts'
import { PerService, servicesOf } from './lib/chosen-service.ts'
import { TrustedPeers } from './lib/http/trusted-peers.ts'
import type {} from './lib/session/session.ts'
import type {} from './lib/upstream/upstream.ts'

const INFO = 30
const WARN = 40
const MAX_CAUSE = 300

const use = z.string().trim().min(1)
/** `sink`: where access lines go instead of stdout, a plugin of kind log-sink. */
const options = z
  .strictObject({
    sink: z.union([use, z.strictObject({ use, with: z.record(z.string(), z.unknown()).optional() })]).optional(),
  })
  .prefault({})
type Options = z.infer<typeof options>

type Forms = PerService<LineForm>

/** Writes one line a request, in whichever form and from whichever level the settings say. */
class AccessLog {
  readonly #host: Host<Options>
  readonly #sink: LogSink | undefined
  readonly #peers: TrustedPeers
  readonly #forms: ReadonlyMap<Route, Forms>
  readonly #unrouted = new LineForm(undefined)

  constructor(host: Host<Options>, sink: LogSink | undefined, forms: readonly (readonly [Route, Forms])[]) {
    this.#host = host
    this.#sink = sink
    this.#peers = new TrustedPeers(host.server.trusted_proxies)
    this.#forms = new Map(forms)
  }

  settled(x: LoggedExchange, outcome: Outcome): undefined {
    const failed = outcome.result === 'failed'
    const { level, format } = this.#host.logSettings
    if (!failed && (level === 'warn' || level === 'error')) return
    const route = x.peek('route')
    const form = (route && this.#forms.get(route)?.get(listed(route, x.peek('service')))) ?? this.#unrouted
    const fields = accessFields(x, outcome, this.#peers)
    if (this.#sink) this.#sink.write(this.#line(form, fields, failed ? outcome : undefined))
    else if (failed || format === 'text') this.#write(form, fields, failed ? outcome : undefined)
    else this.#host.log.line(form.json(fields, INFO, Date.now()))
  }

  /** For a sink of its own: the same fields, as data. */
  #line(form: LineForm, fields: AccessFields, failure: Outcome | undefined): Readonly<Record<string, unknown>> {
    const { route, service } = form
    const level = failure === undefined ? INFO : WARN
    const cause = failure === undefined ? {} : { cause: causeOf(failure.fault) }
    return { level, time: Date.now(), msg: form.message(fields), route, service, ...fields, ...cause }
  }

  /** The rare and the readable ones: through the host's own logger. */
  #write(form: LineForm, fields: AccessFields, failure: Outcome | undefined): void {
    const msg = form.message(fields)
    const { route, service } = form
    if (failure === undefined) this.#host.log.info({ route, service, ...fields }, msg)
    else this.#host.log.warn({ route, service, ...fields, cause: causeOf(failure.fault) }, msg)
  }
}

/** A service that the route does not list got no request: the line is the route's own. */
function listed(route: Route, service: string | undefined): string | undefined {
  return service !== undefined && servicesOf(route).includes(service) ? service : undefined
}

/** Why, down the chain of causes; sentences only: the stack of a defect has a line of its own. */
function causeOf(error: unknown): string | undefined {
  const sentences: string[] = []
  for (let next = error; next instanceof Error && sentences.length < 4; next = next.cause) {
    const { code } = next as { readonly code?: unknown }
    sentences.push(
      typeof code === 'string' && !next.message.includes(code) ? `${next.message} (${code})` : next.message,
    )
  }
  return sentences.length === 0 ? undefined : sentences.join(': ').slice(0, MAX_CAUSE)
}

/** One line for every request, however it ended: docs/configuration.md, "Log lines". */
export default defineStage({
  name: 'log',
  role: 'observer',
  wants: ['route', 'session', 'token', 'service', 'upstream'],
  also: ['upgrades', 'endpoints'],
  options,
  refs: ({ sink }) => (sink === undefined ? [] : [{ kind: 'log-sink', ref: sink, path: ['sink'] }]),
  async setup(host: Host<Options>) {
    const { sink } = host.options
    const forms = await mapInTurns(
      host.routes,
      (route) => [route, new PerService(route, (service) => new LineForm(route, service))] as const,
    )
    const log = new AccessLog(host, sink === undefined ? undefined : await host.use('log-sink', sink), forms)
    return { settled: (x, outcome) => log.settled(x, outcome) }
  },
})
