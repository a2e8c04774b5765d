// What token-resolve, the callback and /auth/session ask of the tokens of a session.
import { isFault } from '../../../core/index.ts'
import { type Admission, type Admitted, admit, authorizationFor, type Missing } from '../login/step-up.ts'
import type { Session, SessionData } from '../session/session.ts'
import type { Credential } from '../upstream/upstream.ts'
import { idpAway, type MintTools, type Refusal, refusal } from './mint-tools.ts'
import type { TokenReason } from './reasons.ts'
import type { Turn } from './redeem-queue.ts'
import { refusedFields, TokenRefusals, type TokenRenewal } from './refused-token.ts'
import { liveOf, mayReplace } from './token-credential.ts'
import { grantOf, mintToken, settled } from './token-mint.ts'
import { heldFor, isRefusal, isToken, type TokenPlan } from './token-plan.ts'

export type { Refusal } from './mint-tools.ts'

/** One entry of `services` in /auth/session. `expires_at` is ISO 8601, null while there is no token. */
export interface ServiceState {
  readonly audience: string | null
  readonly state: 'ready' | 'mintable' | 'step_up' | 'misconfigured'
  readonly expires_at: string | null
  readonly reason?: TokenReason
}

export interface Broker {
  /** Without a promise while a live token is held. */
  credential(session: Session, service: string): Credential | Refusal | Promise<Credential | Refusal>
  /** Mints all services' tokens, first asked first served, then says so in the log once. Never rejects. */
  prefetch(session: Session): Promise<void>
  states(session: Session): Readonly<Record<string, ServiceState>>
  /** What an authorization could bring this session for this service. */
  missing(session: Session, service: string): Missing
  /** Keeps what an authorization brought for this service. */
  admit(session: Session, service: string, admission: Admission): Promise<Admitted>
  /** A service answered 401 to a token found good. */
  readonly refused: TokenRenewal
}

interface BrokerParts extends MintTools {
  readonly plans: readonly TokenPlan[]
  /** Services of session routes that service_audiences lacks. */
  readonly unmapped: readonly string[]
  /** Counted by the drain: a redeem outlives the request that asked for it. */
  background(work: Promise<unknown>): void
  /** For who counts. */
  minted?(service: string, answer: Credential | Refusal): void
}

/** How long a request waits for a mint. The mint itself is never cut short, and a late answer is kept. */
const patience = 5000
/** From here on the head of a lane counts as hanging. */
const stuckAfter = 4000

export function isRefused(answer: Credential | Refusal): answer is Refusal {
  return 'kind' in answer
}

export function createBroker(parts: BrokerParts): Broker {
  const plans = new Map(parts.plans.map((plan) => [plan.wish.service, plan]))
  return {
    credential: (session, service) => credential(parts, plans.get(service), session),
    prefetch: (session) => prefetch(parts, [...plans.values()], session),
    states: (session) => states(parts, plans, session),
    missing: (session, service) => missing(parts, plans.get(service), session),
    admit: async (session, service, admission) => {
      const plan = plans.get(service)
      return plan === undefined ? 'unknown' : admit(parts, session, plan, laneOf(parts, session, plan), admission)
    },
    refused: renewals(parts, plans),
  }
}

function missing(parts: BrokerParts, plan: TokenPlan | undefined, session: Session): Missing {
  if (plan === undefined) return { kind: 'unknown' }
  const data = parts.sessions.secretsOf(session)
  const no = refuses(parts, data, plan)
  if (no?.kind !== 'refused' || !no.stepUp) return { kind: 'nothing' }
  return no.reason === 'step_up' ? authorizationFor(data, plan) : { kind: 'login' }
}

const noMapping = refusal('no_mapping', false)

function credential(parts: BrokerParts, plan: TokenPlan | undefined, session: Session) {
  if (plan === undefined) return noMapping
  const { sessions, clock } = parts
  const data = sessions.secretsOf(session)
  const now = clock.now()
  const held = heldFor(data, plan)
  if (isToken(held)) {
    const live = liveOf(held, data.dpop)
    if (now < live.renewAt) return live.credential
    if (now < live.deadAt) {
      renew(parts, session, data, plan)
      return live.credential
    }
  }
  return settled(data, plan, now) ?? refuses(parts, data, plan) ?? awaited(parts, session, plan)
}

/** What fails without asking the IdP needs no turn in the queue. */
function refuses({ clock }: BrokerParts, data: SessionData, plan: TokenPlan): Refusal | undefined {
  const no = plan.minter.refuses(plan.wish, grantOf(data, plan, clock.wall()))
  return no === undefined ? undefined : refusal(no.reason, no.stepUp ?? false)
}

/** Ahead of expiry: this request goes on with the token that still lives, whatever becomes of the new one. */
function renew(parts: BrokerParts, session: Session, data: SessionData, plan: TokenPlan): void {
  const lane = laneOf(parts, session, plan)
  if (parts.queue.pending(lane, plan.key) !== undefined || refuses(parts, data, plan) !== undefined) return
  void mint(parts, session, plan)
}

function laneOf({ sessions }: BrokerParts, session: Session, { key, minter }: TokenPlan): string {
  const lane = sessions.queueOf(session)
  // A grant of the service's own is spent by nothing else.
  return minter.spends === 'refresh' && minter.authorization === undefined ? lane : `${lane} ${key}`
}

/** The one mint of this service and session that runs or waits, else a new one. */
function mint(parts: BrokerParts, session: Session, plan: TokenPlan, refused?: string): Promise<Credential | Refusal> {
  const lane = laneOf(parts, session, plan)
  const known = parts.queue.pending<Credential | Refusal>(lane, plan.key)
  if (known !== undefined) return known
  const work = parts.queue.add(lane, plan.key, (turn) =>
    mintToken(parts, session, plan, lane, turn, refused).catch(storeAway),
  )
  parts.background(work.then((answer) => parts.minted?.(plan.wish.service, answer)))
  return work
}

function storeAway(error: unknown): Refusal {
  if (isFault(error) && error.code === 'STORE_UNAVAILABLE') return { kind: 'unavailable', what: 'store', retryAfter: 1 }
  throw error
}

function awaited(parts: BrokerParts, session: Session, plan: TokenPlan): Refusal | Promise<Credential | Refusal> {
  const lane = laneOf(parts, session, plan)
  // Nobody lines up behind a redeem that does not come back.
  const phase = parts.queue.stuck(lane, stuckAfter)
  if (phase !== undefined) return gaveUp(parts, phase)
  return patiently(parts, lane, mint(parts, session, plan))
}

function patiently(parts: BrokerParts, lane: string, work: Promise<Credential | Refusal>) {
  return new Promise<Credential | Refusal>((resolve, reject) => {
    const stop = parts.clock.after(patience, () => resolve(gaveUp(parts, parts.queue.stuck(lane, stuckAfter))))
    work.then(resolve, reject).finally(stop)
  })
}

function renewals(parts: BrokerParts, plans: ReadonlyMap<string, TokenPlan>): TokenRenewal {
  const refusals = new TokenRefusals(parts.clock)
  return (session, refused) => {
    const plan = plans.get(refused.service)
    const { credential } = refused
    // A request of before a reload goes to where the service was then: what is minted for its successor is not for that one.
    if (plan === undefined || plan.wish.audience !== credential.audience) return undefined
    const data = parts.sessions.secretsOf(session)
    const held = heldFor(data, plan)
    const live = isToken(held) ? liveOf(held, data.dpop) : undefined
    if (live && parts.clock.now() < live.deadAt && live.credential.fingerprint !== credential.fingerprint)
      return mayReplace(live.credential, credential) ? Promise.resolve(live.credential) : undefined
    const lane = laneOf(parts, session, plan)
    if (parts.queue.pending(lane, plan.key) === undefined) {
      if (!refusals.first(session, plan.wish.service)) return undefined
      parts.log.warn(
        refusedFields(refused, plan, isToken(held) ? held : undefined, parts.clock.now()),
        `upstream_refused_token service=${plan.wish.service}`,
      )
    }
    const work = patiently(parts, lane, mint(parts, session, plan, credential.fingerprint))
    return work.then(
      (got) => (isRefused(got) || !mayReplace(got, credential) ? undefined : got),
      () => undefined,
    )
  }
}

/** A redeem that cannot be written down is the store's fault, not the IdP's. */
function gaveUp({ queue, clock, log, issuer }: BrokerParts, phase: Turn['phase'] | undefined): Refusal {
  if (phase === 'read' || phase === 'keep') return { kind: 'unavailable', what: 'store', retryAfter: 1 }
  if (phase === 'redeem' && queue.health.hung(clock.now()))
    log.warn({ issuer, error: `no answer to a token request for ${stuckAfter / 1000} s` }, 'idp_unavailable')
  return idpAway
}

async function prefetch(parts: BrokerParts, plans: readonly TokenPlan[], session: Session): Promise<void> {
  const names = await Promise.all(
    plans.map(async (plan) => {
      const data = parts.sessions.secretsOf(session)
      if (refuses(parts, data, plan) !== undefined) return []
      const got = await mint(parts, session, plan).catch(() => idpAway)
      return isRefused(got) ? [] : [plan.wish.service]
    }),
  )
  parts.log.info({ services: names.flat(), sub: session.sub }, 'bff_service_tokens_mapped')
}

function states(parts: BrokerParts, plans: ReadonlyMap<string, TokenPlan>, session: Session) {
  const data = parts.sessions.secretsOf(session)
  const entries = [...plans].map(([service, plan]): [string, ServiceState] => [service, stateOf(parts, data, plan)])
  const lost = parts.unmapped.map((service): [string, ServiceState] => [
    service,
    { audience: null, state: 'misconfigured', expires_at: null, reason: 'no_mapping' },
  ])
  return Object.fromEntries([...entries, ...lost])
}

function stateOf(parts: BrokerParts, data: SessionData, plan: TokenPlan): ServiceState {
  const { audience } = plan.wish
  const now = parts.clock.now()
  const held = heldFor(data, plan)
  if (isToken(held) && now < liveOf(held, data.dpop).deadAt)
    return { audience, state: 'ready', expires_at: new Date(held.expiresAt).toISOString() }
  // As last known, also when it would be asked again: a state that flickers with the clock helps nobody.
  const no = isRefusal(held) ? refusal(held.refused, false) : refuses(parts, data, plan)
  if (no?.kind !== 'refused') return { audience, state: 'mintable', expires_at: null }
  return { audience, state: no.stepUp ? 'step_up' : 'misconfigured', expires_at: null, reason: no.reason }
}
