// Asks an AuthZEN decision point (OpenID Authorization API 1.0): one POST, bounded in time and size, never a guess.
import { Buffer } from 'node:buffer'
import { clearTimeout, setTimeout } from 'node:timers'
import { type Dispatcher, Pool } from 'undici'
import type { Shared } from '../../../core/index.ts'
import type { Clock } from '../util/clock.ts'
import { Decisions, questionKey } from './authz-decisions.ts'
import type { PdpSettings } from './authz-settings.ts'

export type Decision =
  | { readonly kind: 'allow' | 'deny' }
  /** Nothing was decided. `why` is for the problem and the log; the cause, which may name addresses, for the log alone. */
  | { readonly kind: 'unknown'; readonly why: UnknownReason; readonly cause: unknown }
type UnknownReason = 'pdp_timeout' | 'pdp_unreachable' | 'pdp_refused' | 'pdp_bad_answer' | 'pdp_busy'

/** An answer is a few hundred bytes; reasons in its context may make it some KiB. */
const maxAnswer = 64 * 1024
const connections = 64
/** Beyond, a request would only wait to time out. */
const maxAsking = 1024
/** A Node server closes an idle connection after 5 s. */
const keepAlive = 4_000

const allow: Decision = { kind: 'allow' }
const deny: Decision = { kind: 'deny' }

/** Kept over reloads that do not change the address. */
export const pdpPool: Shared<{ readonly origin: string }, Pool> = {
  name: 'authz-pdp',
  open: ({ origin }) => new Pool(origin, { connections, keepAliveTimeout: keepAlive, keepAliveMaxTimeout: keepAlive }),
  close: (pool) => pool.destroy(),
}

class Unknown extends Error {
  readonly why: UnknownReason

  constructor(why: UnknownReason, message: string) {
    super(message)
    this.why = why
  }
}

export class DecisionPoint {
  readonly #pool: Pick<Dispatcher, 'request'>
  readonly #path: string
  readonly #timeout: number
  readonly #authorization: readonly string[]
  readonly #decisions: Decisions
  readonly #asking = new Map<string, Promise<Decision>>()

  constructor(
    pool: Pick<Dispatcher, 'request'>,
    settings: PdpSettings & { readonly base_url: string },
    clock: Pick<Clock, 'now'>,
  ) {
    const { base_url, timeout, cache, token } = settings
    this.#pool = pool
    this.#path = `${new URL(base_url).pathname.replace(/\/$/, '')}/access/v1/evaluation`
    this.#timeout = timeout
    this.#authorization = token === null ? [] : ['Authorization', `Bearer ${token}`]
    this.#decisions = new Decisions(cache, clock)
  }

  /** `question`: the body to send. Without a promise where the decision is known; never rejects. Same questions at one time are asked once. */
  decide(question: string, requestId: string): Decision | Promise<Decision> {
    const key = questionKey(question)
    const known = this.#decisions.get(key)
    if (known !== undefined) return known ? allow : deny
    const asking = this.#asking.get(key)
    if (asking !== undefined) return asking
    if (this.#asking.size >= maxAsking) return unknown(new Unknown('pdp_busy', `${maxAsking} questions are open`))
    const asked = this.#ask(question, requestId)
      .then((allowed) => this.#keep(key, allowed), unknown)
      .finally(() => this.#asking.delete(key))
    this.#asking.set(key, asked)
    return asked
  }

  #keep(key: string, allowed: boolean): Decision {
    this.#decisions.keep(key, allowed)
    return allowed ? allow : deny
  }

  async #ask(question: string, requestId: string): Promise<boolean> {
    const deadline = new AbortController()
    const late = new Unknown('pdp_timeout', `no decision within ${this.#timeout} ms`)
    const timer = setTimeout(() => deadline.abort(late), this.#timeout)
    try {
      return await this.#send(question, requestId, deadline.signal).catch((error: unknown) => {
        // An idle connection that the other side closed just now. A question changes nothing, so it may be asked again.
        if (!isClosed(error) || deadline.signal.aborted) throw error
        return this.#send(question, requestId, deadline.signal)
      })
    } catch (error) {
      throw deadline.signal.aborted ? late : error
    } finally {
      clearTimeout(timer)
    }
  }

  async #send(question: string, requestId: string, signal: AbortSignal): Promise<boolean> {
    const { statusCode, body } = await this.#pool.request({
      method: 'POST',
      path: this.#path,
      headers: [
        'Content-Type',
        'application/json',
        'Accept',
        'application/json',
        'X-Request-ID',
        requestId,
        ...this.#authorization,
      ],
      body: question,
      signal,
    })
    const text = await readBounded(body)
    // Any other status, a redirect included, is no decision (Authorization API 1.0, section 10: errors are not decisions).
    if (statusCode !== 200) throw new Unknown('pdp_refused', `the decision point answered ${statusCode}`)
    return decisionIn(text)
  }
}

async function readBounded(body: AsyncIterable<unknown>): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    size += piece.length
    // Leaving the loop destroys the rest.
    if (size > maxAnswer) throw new Unknown('pdp_bad_answer', `the decision point sent more than ${maxAnswer} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** `"true"` and 1 are no decision: nothing but the boolean opens the door. */
function decisionIn(text: string): boolean {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new Unknown('pdp_bad_answer', 'the decision point sent no JSON')
  }
  const decision = typeof answer === 'object' && answer !== null && 'decision' in answer ? answer.decision : undefined
  if (typeof decision !== 'boolean') throw new Unknown('pdp_bad_answer', 'the decision point sent no boolean decision')
  return decision
}

function isClosed(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

function unknown(cause: unknown): Decision {
  return { kind: 'unknown', why: cause instanceof Unknown ? cause.why : 'pdp_unreachable', cause }
}
