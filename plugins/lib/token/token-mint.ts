import { classify } from '../idp/idp-errors.ts'
import type { Session, SessionData, StoredRefusal, StoredToken } from '../session/session.ts'
import type { Credential } from '../upstream/upstream.ts'
import { isOpaque, type Judged, judgeClaims, judgeToken, sameIssuer } from './audience.ts'
import { idpAway, type MintTools, type Refusal, refusal, sessionOver } from './mint-tools.ts'
import type { Grant, Minted, MintRefused } from './minter.ts'
import { codeOf } from './reasons.ts'
import { inLease } from './redeem-lease.ts'
import type { Turn } from './redeem-queue.ts'
import { sourceOf, type TokenSource } from './service-grants.ts'
import { liveAccess, renewAccess } from './token-access.ts'
import { askMinter, bindingOf } from './token-ask.ts'
import { liveOf } from './token-credential.ts'
import { grantLost, serviceGrantLost, storeRotated } from './token-keep.ts'
import { heldFor, isRefusal, isToken, type TokenPlan } from './token-plan.ts'

/** How long a refusal is believed: a mended IdP is noticed without a new login, a refused audience does not cost a redeem a request. */
const believe = 6_000
/** An answer that was there and wrong: the settings of the IdP are, and each further question makes a token that nobody uses. */
const believeBad = 20_000

const unchanged = (data: SessionData) => data

/** A token that needs no renewal yet, or a refusal still believed. `refused`: the fingerprint of a token that its service does not take. */
export function settled(
  data: SessionData,
  plan: TokenPlan,
  now: number,
  refused?: string,
): Credential | Refusal | undefined {
  const held = heldFor(data, plan)
  if (isToken(held)) {
    const { renewAt, credential } = liveOf(held, data.dpop)
    return now < renewAt && (refused === undefined || credential.fingerprint !== refused) ? credential : undefined
  }
  if (isRefusal(held) && now < held.until) return refusal(held.refused, false)
  return undefined
}

/** What the minter may use. The login's own token is left out where this service needs another one. */
export function grantOf(data: SessionData, plan: TokenPlan, wall: number): Grant {
  const source = sourceOf(data, plan)
  const access = plan.minter.uses === 'access' ? liveAccess(data, wall) : usableAccess(data, source, plan, wall)
  return {
    grantedScopes: source.grantedScopes ?? '',
    grantedResources: data.grantedResources,
    refusedResources: data.refusedResources ?? [],
    ...(source.refreshToken === undefined ? {} : { refreshToken: source.refreshToken }),
    ...(access === undefined ? {} : { access }),
    ...(data.dpop === undefined ? {} : { dpop: data.dpop }),
  }
}

function usableAccess(
  data: SessionData,
  { access, refreshToken }: TokenSource,
  plan: TokenPlan,
  wall: number,
): Grant['access'] {
  const held = heldFor(data, plan)
  const worn = (isToken(held) && held.token === access?.token) || (isRefusal(held) && refreshToken !== undefined)
  return access !== undefined && access.expiresAt > wall && !worn ? access : undefined
}

/** Mints one service's token and keeps it, as the only one in this lane of the queue and in all processes; never aborted. */
export async function mintToken(
  tools: MintTools,
  session: Session,
  plan: TokenPlan,
  lane: string,
  turn: Turn,
  refused?: string,
): Promise<Credential | Refusal> {
  return (await inLease(tools, lane, turn, () => mintAlone(tools, session, plan, turn, refused))) ?? idpAway
}

async function mintAlone(
  tools: MintTools,
  session: Session,
  plan: TokenPlan,
  turn: Turn,
  refused: string | undefined,
): Promise<Credential | Refusal> {
  let stale: string | undefined
  // More than once, because another process may have rotated the refresh token between our read and our redeem.
  for (let round = 0; round < 3; round++) {
    enter(tools, turn, 'read')
    const data = await tools.sessions.latest(session)
    if (data === 'gone' || !sameIssuer(data.issuer, tools.issuer)) return sessionOver
    const done = settled(data, plan, tools.clock.now(), refused)
    if (done !== undefined) return done
    const grant = grantOf(data, plan, tools.clock.wall())
    const no = plan.minter.refuses(plan.wish, grant)
    if (no !== undefined) return refusal(no.reason, no.stepUp ?? false)
    if (plan.minter.uses === 'access' && (grant.access === undefined || grant.access.token === stale)) {
      const failed = await renewAccess(tools, session, stale)
      if (failed !== undefined) return failed
      continue
    }
    enter(tools, turn, 'redeem')
    const asked = tools.clock.wall()
    const minted = await askMinter(tools, plan, grant)
    enter(tools, turn, 'keep')
    if (minted.kind === 'access_lost' && stale === undefined) {
      stale = grant.access?.token
      continue
    }
    const outcome = await keepOutcome(tools, session, plan, grant, minted, asked)
    if (outcome !== 'raced') return outcome
  }
  return idpAway
}

async function keepOutcome(
  tools: MintTools,
  session: Session,
  plan: TokenPlan,
  grant: Grant,
  minted: Minted,
  asked: number,
) {
  switch (minted.kind) {
    case 'token':
      return keepToken(tools, session, plan, grant, minted, asked)
    case 'refused':
      return keepDenial(tools, session, plan, grant, minted)
    case 'access_lost':
      return keepDenial(tools, session, plan, grant, { kind: 'refused', reason: 'denied_by_idp', ...wordsOf(minted) })
    case 'grant_lost':
      return plan.minter.authorization === undefined
        ? grantLost(tools, session, plan.wish.service, grant.refreshToken, minted.words)
        : serviceGrantLost(tools, session, plan, grant.refreshToken, minted.words)
    case 'unavailable':
      return { kind: 'unavailable', what: 'idp', retryAfter: Math.max(1, Math.ceil(minted.retryAfter)) } as const
  }
}

function wordsOf({ words }: { readonly words?: string }): { readonly words?: string } {
  return words === undefined ? {} : { words }
}

function enter({ clock }: MintTools, turn: Turn, phase: Turn['phase']): void {
  turn.phase = phase
  turn.since = clock.now()
}

type MintedToken = Extract<Minted, { readonly kind: 'token' }>

async function keepToken(
  tools: MintTools,
  session: Session,
  plan: TokenPlan,
  grant: Grant,
  minted: MintedToken,
  asked: number,
) {
  const { service, audience } = plan.wish
  const { opaque } = plan.check
  let rotated = minted
  if (opaque === 'introspect' && minted.refreshToken !== undefined && isOpaque(minted.token)) {
    // Asking about the token takes a second call: what the first one brought is safe before it begins.
    const stored = await storeRotated(tools, session, grant.refreshToken, minted.refreshToken, unchanged, plan)
    if (stored === 'gone') return sessionOver
    const { refreshToken: _stored, ...rest } = minted
    rotated = rest
  }
  const now = tools.clock.now()
  const wall = tools.clock.wall()
  const judged = await judge(tools, plan, minted, wall)
  if (judged.kind === 'unavailable') return idpAway
  const overdue = minted.expiresAt <= wall && minted.expiresAt >= asked + 1000
  if (judged.kind === 'bad' && judged.reason === 'token_expired' && overdue) {
    // Not the identity provider's clock but its pace: the token had lived its life when it came, and the next one may not.
    tools.log.warn(
      { issuer: tools.issuer, service, error: 'the answer took longer than the token lives' },
      'idp_request_failed',
    )
    const data = await keep(tools, session, plan, grant, rotated)
    return data === 'gone' ? sessionOver : idpAway
  }
  if (judged.kind === 'bad') {
    const { reason, got, words } = judged
    const entry: StoredRefusal = { refused: reason, config: plan.config, until: now + believeBad }
    const data = await keep(tools, session, plan, grant, rotated, entry)
    const event = codeOf(reason) === 'AUDIENCE_MISMATCH' ? 'service_token_audience_mismatch' : 'service_token_unusable'
    const fields = { service, reason, expected: plan.check.audience, got, error: words }
    tools.log.error(fields, `${event} service=${service}`)
    return data === 'gone' ? sessionOver : refusal(reason, false)
  }
  const expiresAt = now + (judged.expiresAt - wall)
  const key = bindingOf(plan.minter, grant.dpop)
  const bound = {
    ...(key === undefined ? {} : { dpop: true as const }),
    ...(judged.certificate === undefined ? {} : { certificate: judged.certificate }),
  }
  const entry: StoredToken = { token: minted.token, config: plan.config, audience, mintedAt: now, expiresAt, ...bound }
  const data = await keep(tools, session, plan, grant, rotated, entry)
  if (data === 'gone') return sessionOver
  const live = liveOf(entry, key)
  return tools.clock.now() < live.deadAt ? live.credential : idpAway
}

async function judge(
  { idp, issuer, log }: MintTools,
  { wish, check }: TokenPlan,
  { token, scope, expiresAt }: MintedToken,
  now: number,
): Promise<Judged | { readonly kind: 'unavailable' }> {
  const granted = scope === undefined ? {} : { scope }
  const expected = { ...check, issuer, scopes: wish.scopes, expiresAt, now, ...granted }
  if (check.opaque === 'refuse' || !isOpaque(token)) return judgeToken(token, expected)
  if (check.opaque === 'trust') return { kind: 'good', expiresAt }
  if (idp.introspect === undefined) return judgeToken(token, expected)
  try {
    const said = await idp.introspect(token)
    const inactive = { kind: 'bad', reason: 'wrong_token_type', got: [], words: 'a token that is not active' } as const
    return said.active === true ? judgeClaims(said, expected) : inactive
  } catch (error) {
    log.warn({ issuer, service: wish.service, error: classify(error).words }, 'token_introspection_failed')
    return { kind: 'unavailable' }
  }
}

async function keepDenial(tools: MintTools, session: Session, plan: TokenPlan, grant: Grant, minted: MintRefused) {
  const { service, audience, scopes } = plan.wish
  const { reason, words } = minted
  const hint = 'compare service_audiences and service_scopes with what the IdP allows this client and its scopes'
  tools.log.warn({ service, audience, scopes, reason, error: words, hint }, `service_token_denied service=${service}`)
  const entry: StoredRefusal = { refused: reason, config: plan.config, until: tools.clock.now() + believe }
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
  entry?: StoredToken | StoredRefusal,
) {
  const renewed = minted.kind === 'token' && minted.renewsAccess === true ? minted : undefined
  const change = (data: SessionData): SessionData => ({
    ...data,
    ...(renewed === undefined ? {} : { access: { token: renewed.token, expiresAt: renewed.expiresAt } }),
    services: withEntry(data, plan, entry, tools.clock.now()),
  })
  return storeRotated(tools, session, grant.refreshToken, minted.refreshToken, change, plan)
}

/** A token that lives is used to its end, also when its renewal is refused. */
function withEntry(data: SessionData, plan: TokenPlan, entry: StoredToken | StoredRefusal | undefined, now: number) {
  if (entry === undefined) return data.services
  const held = heldFor(data, plan)
  const lives = isRefusal(entry) && isToken(held) && now < liveOf(held, data.dpop).deadAt
  const kept = lives ? { ...held, renewAfter: entry.until } : entry
  return { ...data.services, [plan.wish.service]: kept }
}
