// The one line of a request: its fields, and its JSON without a general serialiser.
import type { Exchange, Outcome, Route } from '../../core/index.ts'
import type {} from './chosen-service.ts'
import { clientAddress } from './http/forwarded.ts'
import type { TrustedPeers } from './http/trusted-peers.ts'
import type {} from './session/session.ts'
import type { Credential } from './upstream/upstream.ts'
import { jsonInner } from './util/json-text.ts'

export type LoggedExchange = Exchange<never, 'route' | 'session' | 'token' | 'service' | 'upstream'>

/** `duration_ms` with one decimal; bytes are those of bodies; `session` and `token` are fingerprints. */
export interface AccessFields {
  readonly method: string
  readonly path: string
  readonly status: number | null
  readonly outcome: Outcome['result']
  readonly code: string
  readonly reason: string | undefined
  readonly stage: string
  readonly duration_ms: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly correlation_id: string
  readonly client: string
  readonly session: string | undefined
  readonly token: string | undefined
  /** Only where there was more than one. */
  readonly upstream_attempts: number | undefined
}

const MAX_PATH = 256

export function accessFields(x: LoggedExchange, outcome: Outcome, peers: TrustedPeers): AccessFields {
  const token = x.peek('token')
  return {
    method: x.method,
    path: shownPath(x.path),
    status: outcome.status,
    outcome: outcome.result,
    code: outcome.code,
    reason: outcome.reason,
    stage: outcome.stage,
    duration_ms: Math.round(outcome.ms * 10) / 10,
    bytes_in: outcome.bytesIn,
    bytes_out: outcome.bytesOut,
    correlation_id: x.id,
    client: clientAddress(x, peers),
    session: x.peek('session')?.hash,
    token: token && fingerprint(token),
    upstream_attempts: x.peek('upstream')?.attempts,
  }
}

/** Without query and fragment: codes and tokens travel there, also in targets that were refused. */
function shownPath(path: string): string {
  const hash = path.indexOf('#')
  const plain = hash === -1 ? path : path.slice(0, hash)
  return plain.length > MAX_PATH ? `${plain.slice(0, MAX_PATH)}…` : plain
}

const fingerprints = new WeakMap<Credential, string>()

/** Worked out once a token: it is a hash. */
function fingerprint(token: Credential): string {
  let known = fingerprints.get(token)
  if (known === undefined) {
    known = token.fingerprint
    fingerprints.set(token, known)
  }
  return known
}

/** What every line of one route begins and ends with. */
export class LineForm {
  readonly route: string | undefined
  readonly service: string | undefined
  /** Its requests go upstream with a token of the service, or not at all. */
  readonly needsToken: boolean
  readonly #start: string
  readonly #found: Message
  readonly #missing: Message

  constructor(route: Route | undefined, service = route?.target_service) {
    this.route = route?.id
    this.service = service || undefined
    this.needsToken = route?.auth === 'session' && route.service !== undefined
    this.#start = `${member('route', this.route)}${member('service', this.service)}`
    this.#found = messageOf(this, true)
    this.#missing = messageOf(this, false)
  }

  /** Runbooks grep for it: the words and the capital letters are the seeds'. */
  message(f: AccessFields): string {
    return this.#message(f).text
  }

  /** pino's shape: numeric level, `time` in ms since the epoch, `msg` last. */
  json(f: AccessFields, level: number, time: number): string {
    return (
      `{"level":${level},"time":${time}${this.#start}` +
      `,"method":"${jsonInner(f.method)}","path":"${jsonInner(f.path)}","status":${f.status}` +
      `,"outcome":"${f.outcome}","code":"${jsonInner(f.code)}"${member('reason', f.reason)}` +
      `,"stage":"${jsonInner(f.stage)}","duration_ms":${f.duration_ms},"bytes_in":${f.bytes_in}` +
      `,"bytes_out":${f.bytes_out},"correlation_id":"${jsonInner(f.correlation_id)}"` +
      `,"client":"${jsonInner(f.client)}"${member('session', f.session)}${member('token', f.token)}` +
      (f.upstream_attempts === undefined ? '' : `,"upstream_attempts":${f.upstream_attempts}`) +
      this.#message(f).end
    )
  }

  #message({ token }: AccessFields): Message {
    return token === undefined ? this.#missing : this.#found
  }
}

interface Message {
  readonly text: string
  /** As the last member of a line. */
  readonly end: string
}

function messageOf({ service, needsToken }: LineForm, tokenFound: boolean): Message {
  const bare = service === undefined || !(needsToken || tokenFound)
  const text = bare ? 'request' : `token_found=${tokenFound ? 'True' : 'False'} service=${service}`
  return { text, end: `${member('msg', text)}}` }
}

function member(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":"${jsonInner(value)}"`
}
