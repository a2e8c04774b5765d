import type { Log } from '../../core/index.ts'
import { judgeToken, sameIssuer } from './audience.ts'
import type { Clock } from './clock.ts'
import { classify } from './idp-errors.ts'
import type { Grant, Minted, Minter, MintRefused, TokenEndpoint } from './minter.ts'
import type { RedeemQueue, Turn } from './redeem-queue.ts'
import type { Session, SessionData, Sessions, StoredRefusal, StoredToken, TokenReason } from './session.ts'
import { liveOf } from './token-credential.ts'
import { keepAtAllCosts } from './token-keep.ts'
import { heldFor, isRefusal, isToken, type TokenPlan } from './token-plan.ts'
import type { Credential } from './upstream.ts'

/** Why there is no credential. `stepUp`: signing in again would help. `retryAfter` in seconds. */
export type Refusal =
  | { readonly kind: 'refused'; readonly reason: TokenReason; readonly stepUp: boolean }
  | { readonly kind: 'unavailable'; readonly what: 'idp' | 'store'; readonly retryAfter: number }
  | { readonly kind: 'session_over' }

export interface MintTools {
  readonly sessions: Sessions
  readonly idp: TokenEndpoint & { revoke?(token: string): Promise<void> }
  readonly issuer: string
  readonly minter: Minter
  readonly queue: RedeemQueue
  readonly clock: Clock
  readonly log: Log
}

/** How long a refusal is believed: a mended IdP is noticed without a new login, a refused audience does not cost a redeem a request. */
const believe = { denied_by_idp: 6_000, audience_mismatch: 20_000, no_refresh_token: 6_000, not_mintable: 6_000 }

export const sessionOver: Refusal = { kind: 'session_over' }
export const idpAway: Refusal = { kind: 'unavailable', what: 'idp', retryAfter: 1 }
const unchanged = (data: SessionData) => data

/** A token that needs no renewal yet, or a refusal still believed. */
export function settled(data: SessionData, plan: TokenPlan, now: number): Credential | Refusal | undefined {
  const held = heldFor(data, plan)
  if (isToken(held)) {
    const live = liveOf(held)
    return now < live.renewAt ? live.credential : undefined
  }
  if (isRefusal(held) && now < held.until) return refusal(held.refused, false)
  return undefined
}

export function refusal(reason: TokenReason, stepUp: boolean): Refusal {
  return { kind: 'refused', reason, stepUp }
}

/** What the minter may use. The login's own token is left out where this service needs another one. */
export function grantOf(data: SessionData, plan: TokenPlan, wall: number): Grant {
  const held = heldFor(data, plan)
  const worn =
    (isToken(held) && held.token === data.access?.token) || (isRefusal(held) && data.refreshToken !== undefined)
  const access = data.access !== undefined && data.access.expiresAt > wall && !worn ? data.access : undefined
  return {
    grantedScopes: data.grantedScopes,
    grantedResources: data.grantedResources,
    refusedResources: data.refusedResources ?? [],
    ...(data.refreshToken === undefined ? {} : { refreshToken: data.refreshToken }),
    ...(access === undefined ? {} : { access }),
  }
}

/** Mints one service's token and keeps it. To be run in the session's lane of the queue; never aborted. */
export async function mintToken(
  tools: MintTools,
  session: Session,
  plan: TokenPlan,
  turn: Turn,
): Promise<Credential | Refusal> {
  // Twice, because another process may have rotated the refresh token between our read and our redeem.
  for (let round = 0; round < 2; round++) {
    const data = await tools.sessions.update(session, unchanged)
    if (data === 'gone' || !sameIssuer(data.issuer, tools.issuer)) return sessionOver
    const done = settled(data, plan, tools.clock.now())
    if (done !== undefined) return done
    const grant = grantOf(data, plan, tools.clock.wall())
    const no = tools.minter.refuses(plan.wish, grant)
    if (no !== undefined) return refusal(no.reason, no.stepUp ?? false)
    const outcome = await redeem(tools, session, plan, grant, turn)
    if (outcome !== 'raced') return outcome
  }
  return idpAway
}

async function redeem(tools: MintTools, session: Session, plan: TokenPlan, grant: Grant, turn: Turn) {
  enter(tools, turn, 'redeem')
  const minted = await ask(tools, plan, grant)
  enter(tools, turn, 'keep')
  switch (minted.kind) {
    case 'token':
      return keepToken(tools, session, plan, grant, minted)
    case 'refused':
      return keepDenial(tools, session, plan, grant, minted)
    case 'grant_lost':
      return grantLost(tools, session, plan, grant, minted.words)
    case 'unavailable':
      return { kind: 'unavailable', what: 'idp', retryAfter: Math.max(1, Math.ceil(minted.retryAfter)) } as const
  }
}

function enter({ clock }: MintTools, turn: Turn, phase: Turn['phase']): void {
  turn.phase = phase
  turn.since = clock.now()
}

/** What the IdP's answer says of its health counts only where it was asked: some mints need no request. */
async function ask(tools: MintTools, { wish }: TokenPlan, grant: Grant): Promise<Minted> {
  const { minter, idp, queue, clock } = tools
  let asked = false
  const endpoint: TokenEndpoint = {
    refresh(refreshToken, params) {
      if (!queue.health.admits(clock.now())) return Promise.reject(new Error('the identity provider is down'))
      asked = true
      return idp.refresh(refreshToken, params)
    },
  }
  const minted = await minter.mint(wish, grant, endpoint).catch(failedMinter)
  if (minted.kind === 'unavailable') {
    if (asked) noteFailure(tools, wish.service, minted)
  } else if (asked && queue.health.answered()) tools.log.info({ issuer: tools.issuer }, 'idp_recovered')
  return minted
}

function failedMinter(error: unknown): Minted {
  const words = error instanceof Error ? error.message : String(error)
  return { kind: 'unavailable', retryAfter: 1, words: `the minter failed: ${words}` }
}

function noteFailure(
  tools: MintTools,
  service: string,
  minted: Extract<Minted, { readonly kind: 'unavailable' }>,
): void {
  const { words, alarm } = minted
  const down = tools.queue.health.failed(tools.clock.now())
  const fields = { issuer: tools.issuer, service, error: words }
  if (alarm === true)
    tools.log.error({ ...fields, hint: 'check client_id, client_secret and client_auth' }, 'idp_refuses_client')
  else tools.log.warn(fields, down ? 'idp_unavailable' : 'idp_request_failed')
}

type MintedToken = Extract<Minted, { readonly kind: 'token' }>

async function keepToken(tools: MintTools, session: Session, plan: TokenPlan, grant: Grant, minted: MintedToken) {
  const { service, audience } = plan.wish
  const now = tools.clock.now()
  const wall = tools.clock.wall()
  const judged = judgeToken(minted.token, { audience, issuer: tools.issuer, expiresAt: minted.expiresAt, now: wall })
  if (judged.kind === 'bad') {
    const { reason, got, words } = judged
    const entry: StoredRefusal = { refused: reason, config: plan.config, until: now + believe[reason] }
    const data = await keep(tools, session, plan, grant, minted, entry)
    const event = reason === 'audience_mismatch' ? 'service_token_audience_mismatch' : 'service_token_unusable'
    tools.log.error({ service, expected: audience, got, error: words }, `${event} service=${service}`)
    return data === 'gone' ? sessionOver : refusal(reason, false)
  }
  const expiresAt = now + (judged.expiresAt - wall)
  const entry: StoredToken = { token: minted.token, config: plan.config, audience, mintedAt: now, expiresAt }
  const data = await keep(tools, session, plan, grant, minted, entry)
  return data === 'gone' ? sessionOver : liveOf(entry).credential
}

async function keepDenial(tools: MintTools, session: Session, plan: TokenPlan, grant: Grant, minted: MintRefused) {
  const { service, audience, scopes } = plan.wish
  const { reason, words } = minted
  const hint = 'compare service_audiences and service_scopes with what the IdP allows this client and its scopes'
  tools.log.warn({ service, audience, scopes, reason, error: words, hint }, `service_token_denied service=${service}`)
  const entry: StoredRefusal = { refused: reason, config: plan.config, until: tools.clock.now() + believe[reason] }
  const data = await keep(tools, session, plan, grant, minted, entry)
  return data === 'gone' ? sessionOver : refusal(reason, minted.stepUp ?? false)
}

/** One write for the rotated refresh token and what came with it: nothing can come between them. */
async function keep(
  tools: MintTools,
  session: Session,
  plan: TokenPlan,
  grant: Grant,
  minted: MintedToken | MintRefused,
  entry: StoredToken | StoredRefusal,
) {
  const rotated = minted.refreshToken
  const renewed = minted.kind === 'token' && minted.renewsAccess === true ? minted : undefined
  const change = (data: SessionData): SessionData => ({
    ...data,
    // Only where ours was the one spent: another process may have put a later one there.
    ...(rotated !== undefined && data.refreshToken === grant.refreshToken ? { refreshToken: rotated } : {}),
    ...(renewed === undefined ? {} : { access: { token: renewed.token, expiresAt: renewed.expiresAt } }),
    services: { ...data.services, [plan.wish.service]: entry },
  })
  if (rotated === undefined) return tools.sessions.update(session, change)
  const data = await keepAtAllCosts(tools, session, change)
  if (data === 'gone') await discard(tools, session, rotated)
  return data
}

/** The session ended during the redeem: what logout revoked was the token before this one. */
async function discard({ idp, log }: MintTools, session: Session, refreshToken: string): Promise<void> {
  await idp.revoke?.(refreshToken).catch((error: unknown) => {
    log.warn({ session: session.hash, error: classify(error).words }, 'refresh_token_not_revoked')
  })
}

async function grantLost(tools: MintTools, session: Session, plan: TokenPlan, grant: Grant, words = 'no words') {
  const { sessions, log } = tools
  const data = await sessions.update(session, unchanged)
  if (data !== 'gone' && data.refreshToken !== grant.refreshToken) return 'raced' as const
  const refused = data === 'gone' ? [] : Object.entries(data.services).filter(([, held]) => isRefusal(held))
  log.warn(
    {
      session: session.hash,
      sub: session.sub,
      service: plan.wish.service,
      error: words,
      // Some IdPs rotate the refresh token and refuse then; the next redeem finds it dead.
      ...(refused.length === 0 ? {} : { refused_before: refused.map(([service]) => service) }),
    },
    'session_grant_lost',
  )
  await sessions.end(session)
  return sessionOver
}
