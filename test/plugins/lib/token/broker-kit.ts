// What the broker's tests share: a clock that is moved by hand, an IdP that rotates, and a real session in a real store.
import { Buffer } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import type { Log, ServicePlugin } from '../../../../core/index.ts'
import { KeyRing } from '../../../../plugins/lib/session/seal.ts'
import type { Session, SessionData, Sessions } from '../../../../plugins/lib/session/session.ts'
import type { SessionStore } from '../../../../plugins/lib/session/session-store.ts'
import { makeSessions } from '../../../../plugins/lib/session/sessions.ts'
import { type Broker, createBroker } from '../../../../plugins/lib/token/broker.ts'
import type { Minter, MintWish, TokenAnswer, TokenEndpoint } from '../../../../plugins/lib/token/minter.ts'
import { RedeemQueue } from '../../../../plugins/lib/token/redeem-queue.ts'
import { type TokenCheck, type TokenPlan, tokenPlan } from '../../../../plugins/lib/token/token-plan.ts'
import type { Clock } from '../../../../plugins/lib/util/clock.ts'
import resource from '../../../../plugins/minter/resource.ts'
import { MemoryStore } from '../../../../plugins/session-store/memory.ts'

export const issuer = 'https://idp.test'
/** Of all the sessions here. */
export const ring = new KeyRing(['0123456789abcdef0123456789abcdef'])
export const audienceOf = (service: string) => `https://${service}.test`

/** Everything that can happen without time passing has happened. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await setImmediate()
}

export class HandClock implements Clock {
  #now = Date.now()
  #wall = 0
  readonly #timers = new Set<{ readonly at: number; readonly call: () => void }>()

  now(): number {
    return this.#now
  }
  wall(): number {
    return this.#now + this.#wall
  }
  /** Sets the wall clock only. */
  jump(ms: number): void {
    this.#wall += ms
  }
  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + ms, call }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (await quiet(); ; await quiet()) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers.delete(due)
      this.#now = due.at
      due.call()
    }
    this.#now = end
  }
}

export function jwt(payload: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', typ: 'at+jwt' })}.${part(payload)}.c2ln`
}

type Answering = (asked: Asked) => Promise<TokenAnswer>
export interface Asked {
  readonly refreshToken: string
  readonly params: Readonly<Record<string, string>>
}

export const oauthError = (error: string, status = 400) =>
  Object.assign(new Error('server responded with an error in the response body'), { error, status })

/** Rotates with every redeem; a refresh token that comes twice ends the whole family, as oidc-provider does. */
class RotatingIdp implements TokenEndpoint {
  readonly asked: Asked[] = []
  /** Seconds. */
  lifetime = 300
  open = 0
  /** The most redeems that were open at one time. */
  crowd = 0
  reused = 0
  readonly revoked: string[] = []
  /** Instead of the usual, for each redeem to come, until undefined again. */
  instead: Answering | undefined
  #current = 'R0'
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async refresh(refreshToken: string, params: Readonly<Record<string, string>>): Promise<TokenAnswer> {
    const asked = { refreshToken, params }
    this.asked.push(asked)
    this.crowd = Math.max(this.crowd, ++this.open)
    try {
      await setImmediate()
      return await (this.instead ?? this.give)(asked)
    } finally {
      this.open--
    }
  }

  /** A token exchange, client credentials: nothing is spent. */
  grant: TokenEndpoint['grant'] = () => Promise.reject(oauthError('unsupported_grant_type'))

  introspect: (token: string) => Promise<Readonly<Record<string, unknown>>> = () =>
    Promise.reject(oauthError('invalid_request'))

  async revoke(token: string): Promise<void> {
    this.revoked.push(token)
  }

  /** What a good redeem answers. `claims` are put over the usual ones. */
  give = async (
    { refreshToken, params }: Asked,
    claims: Readonly<Record<string, unknown>> = {},
  ): Promise<TokenAnswer> => {
    if (refreshToken !== this.#current) {
      this.reused++
      this.#current = 'revoked'
      throw oauthError('invalid_grant')
    }
    this.#current = `R${this.asked.length}`
    const expiresAt = this.#clock.wall() + this.lifetime * 1000
    const accessToken = jwt({
      iss: issuer,
      aud: params.resource ?? [],
      exp: Math.ceil(expiresAt / 1000),
      n: this.asked.length,
      ...claims,
    })
    return { accessToken, expiresAt, refreshToken: this.#current }
  }

  /** Redeems hang until the returned function is called; then they go on as usual. */
  hang(): () => void {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    this.instead = (asked) => held.then(() => this.give(asked))
    return () => {
      this.instead = undefined
      release()
    }
  }
}

export interface Line {
  readonly level: string
  readonly msg: string
  readonly fields: Readonly<Record<string, unknown>>
}

export class LogBook implements Log {
  readonly lines: Line[] = []
  #add(level: string, fields: object, msg: string) {
    this.lines.push({ level, msg, fields: { ...fields } })
  }
  debug = (fields: object, msg: string) => this.#add('debug', fields, msg)
  info = (fields: object, msg: string) => this.#add('info', fields, msg)
  warn = (fields: object, msg: string) => this.#add('warn', fields, msg)
  error = (fields: object, msg: string) => this.#add('error', fields, msg)
  line() {}
  find(word: string): Line | undefined {
    return this.lines.find(({ msg }) => msg.includes(word))
  }
  get text(): string {
    return JSON.stringify(this.lines)
  }
}

export interface Stand {
  readonly clock: HandClock
  readonly idp: RotatingIdp
  readonly log: LogBook
  readonly queue: RedeemQueue
  readonly store: SessionStore
  readonly sessions: Sessions
  readonly session: Session
  readonly broker: Broker
  /** Work that the drain would wait for. */
  readonly background: Promise<unknown>[]
  /** The same user's session in another process, on the same store: a queue and a broker of its own. */
  elsewhere(): Promise<Pick<Stand, 'broker' | 'session' | 'sessions' | 'queue'>>
  /** Another configuration over the same sessions and queue, as after a reload. */
  reloaded(changes: StandOptions): Broker
}

export interface StandOptions {
  readonly services?: readonly string[]
  readonly wishes?: readonly MintWish[]
  readonly unmapped?: readonly string[]
  readonly minter?: Minter
  readonly check?: Partial<TokenCheck>
  readonly store?: SessionStore
  readonly data?: Partial<SessionData>
  readonly issuer?: string
}

/** As the host opens it, with what config says under `with`. */
export async function opened(plugin: ServicePlugin, config?: unknown): Promise<Minter> {
  const judged = await plugin.options?.['~standard'].validate(config)
  if (judged?.issues) throw new Error(JSON.stringify(judged.issues))
  const options: unknown = judged?.value
  return (await plugin.open({ options } as Parameters<typeof plugin.open>[0])) as Minter
}

export async function stand(options: StandOptions = {}): Promise<Stand> {
  const clock = new HandClock()
  const idp = new RotatingIdp(clock)
  const log = new LogBook()
  const queue = new RedeemQueue(clock)
  const store = options.store ?? new MemoryStore()
  const opening = () => makeSessions(store, ring, 3_600_000)
  const sessions = opening()
  const background: Promise<unknown>[] = []
  const minter = await opened(resource)
  const own = { sessions, queue }
  const make = (given: StandOptions, process = own) =>
    createBroker({
      ...{ ...process, idp, clock, log, issuer: given.issuer ?? issuer },
      plans: plansOf(wishesOf(given), given.minter ?? minter, given.issuer, given.check),
      unmapped: given.unmapped ?? [],
      background: (work) => background.push(work.catch(() => {})),
    })
  const { id, session } = await sessions.create({ ...sessionData(clock, wishesOf(options)), ...options.data })
  return {
    ...{ clock, idp, log, queue, store, sessions, session, background, broker: make(options) },
    reloaded: (changes) => make(changes),
    async elsewhere() {
      const process = { sessions: opening(), queue: new RedeemQueue(clock) }
      const session = await process.sessions.open(id)
      if (session === undefined) throw new Error('the store does not have it')
      return { ...process, session, broker: make(options, process) }
    },
  }
}

/** As config without service_tokens makes them. */
export function plansOf(
  wishes: readonly MintWish[],
  minter: Minter,
  from = issuer,
  check: Partial<TokenCheck> = {},
): readonly TokenPlan[] {
  return wishes.map((wish) => {
    const token = {
      wish,
      check: { audience: wish.audience, match: 'includes', opaque: 'refuse', ...check },
      mint: 'any',
    } as const
    return tokenPlan(token, minter, { issuer: from, client_id: 'bff' })
  })
}

function wishesOf({ wishes, services = ['analytics'] }: StandOptions): readonly MintWish[] {
  return wishes ?? services.map((service) => ({ service, audience: audienceOf(service), scopes: [] }))
}

function sessionData(clock: Clock, wishes: readonly MintWish[]): SessionData {
  return {
    v: 1,
    issuer,
    origin: 'https://app.test',
    sub: 'ada',
    provider: 'test',
    user: { sub: 'ada' },
    authTime: clock.now(),
    createdAt: clock.now(),
    endsAt: clock.now() + 12 * 3_600_000,
    refreshToken: 'R0',
    grantedScopes: 'openid application.all',
    grantedResources: wishes.map(({ audience }) => audience),
    services: {},
  }
}
