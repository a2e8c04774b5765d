// What a session lacks for one service, and how it gets there: by one more authorization, whose grant joins the session.

import type { CodeAnswer, Params } from '../idp/idp.ts'
import type { Session, SessionData } from '../session/session.ts'
import { sameIssuer } from '../token/audience.ts'
import type { MintTools } from '../token/mint-tools.ts'
import { inLease } from '../token/redeem-lease.ts'
import { outgrow, ownGrant } from '../token/service-grants.ts'
import { keepAtAllCosts } from '../token/token-keep.ts'
import { heldFor, isRefusal, type TokenPlan } from '../token/token-plan.ts'
import { randomId } from '../util/random-id.ts'

export type Missing =
  | { readonly kind: 'unknown' }
  /** It can be had already, or an authorization would not help. */
  | { readonly kind: 'nothing' }
  /** Only a whole login helps. */
  | { readonly kind: 'login' }
  | ({ readonly kind: 'authorization' } & Authorization)

export interface Authorization {
  /** Whether the service is to have the grant for itself; else what comes takes the place of the login's. */
  readonly own: boolean
  readonly audience: string
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
  /** Beside `resource`. */
  readonly params: Params
}

export interface Admission {
  readonly answer: CodeAnswer
  readonly resources: readonly string[]
  /** As asked for, where the answer does not say what was granted. */
  readonly scope: string
  /** Whether the identity provider's pages can be asked yet for what a silent answer left out. */
  readonly mayBeShown: boolean
}

/**
 * `other_user`: somebody else signed in at the provider meanwhile. `gone`: the session ended, and what came was given back.
 * `no_refresh_token`: what came would last shorter than what is there.
 */
export type Admitted = 'kept' | 'gone' | 'other_user' | 'no_refresh_token' | 'unknown' | 'unavailable'

export function authorizationFor(data: SessionData, { wish, minter }: TokenPlan): Missing {
  const own = minter.authorization !== undefined
  const params = minter.authorization?.(wish) ?? minter.atLogin([wish])
  const named = params.filter(([name]) => name === 'resource').map(([, value]) => value)
  return {
    kind: 'authorization',
    own,
    audience: wish.audience,
    // The union: the new refresh token must do for all that the old one did.
    resources: own ? named : [...new Set([...data.grantedResources, ...named])],
    scopes: own ? wish.scopes : [],
    params: params.filter(([name]) => name !== 'resource'),
  }
}

/** In the lane of what it replaces: no redeem is under way meanwhile whose new token would be lost. */
export async function admit(
  tools: MintTools,
  session: Session,
  plan: TokenPlan,
  lane: string,
  { answer, resources, scope, mayBeShown }: Admission,
): Promise<Admitted> {
  const now = tools.sessions.secretsOf(session)
  if (answer.claims.sub !== now.sub || !sameIssuer(answer.issuer, now.issuer)) return 'other_user'
  const own = plan.minter.authorization !== undefined
  if (answer.refreshToken === undefined && now.refreshToken !== undefined) {
    if (!own || (mayBeShown && leftOutOffline(answer, scope))) return 'no_refresh_token'
  }
  const change = (data: SessionData): SessionData => {
    const kept = { ...withoutRefusal(data, plan), ...identity(answer) }
    return own ? withOwn(kept, plan, answer, scope) : withUnion(kept, answer, resources, scope, tools.clock.now())
  }
  return tools.queue.add(lane, `admit ${randomId()}`, async (turn) => {
    const done = await inLease(tools, lane, turn, async () => {
      turn.phase = 'keep'
      if ((await tools.sessions.latest(session)) === 'gone') return 'gone'
      return (await keepAtAllCosts(tools, session, change)) === 'gone' ? 'gone' : 'kept'
    })
    return done ?? 'unavailable'
  })
}

/** OpenID Connect Core 11: offline access is for a request with `prompt=consent`, and one without it may be answered as if it had not asked. */
function leftOutOffline({ scope }: CodeAnswer, asked: string): boolean {
  return scope !== undefined && !scope.split(' ').includes(offline) && asked.split(' ').includes(offline)
}

const offline = 'offline_access'

/** The user may have signed in anew at the provider: its logout names the session by this `sid`. */
function identity({ idToken, claims }: CodeAnswer): Partial<SessionData> {
  return { idToken, ...(typeof claims.sid === 'string' ? { sid: claims.sid } : {}) }
}

function withoutRefusal(data: SessionData, plan: TokenPlan): SessionData {
  const { service, audience } = plan.wish
  const refusedResources = (data.refusedResources ?? []).filter((refused) => refused !== audience)
  if (!isRefusal(heldFor(data, plan))) return { ...data, refusedResources }
  const services = Object.entries(data.services).filter(([name]) => name !== service)
  return { ...data, refusedResources, services: Object.fromEntries(services) }
}

function withOwn(data: SessionData, plan: TokenPlan, answer: CodeAnswer, scope: string): SessionData {
  const { service } = plan.wish
  const { accessToken, expiresAt, refreshToken } = answer
  const grant = {
    config: plan.config,
    access: { token: accessToken, expiresAt },
    grantedScopes: answer.scope ?? scope,
    ...(refreshToken === undefined ? {} : { refreshToken }),
  }
  const before = ownGrant(data, service)?.refreshToken
  return { ...outgrow(data, before), grants: { ...data.grants, [service]: grant } }
}

function withUnion(
  data: SessionData,
  { accessToken, expiresAt, refreshToken, refreshLife, scope }: CodeAnswer,
  grantedResources: readonly string[],
  asked: string,
  at: number,
): SessionData {
  const { refreshLife: _life, refreshUntil: _until, ...rest } = outgrow(data, data.refreshToken)
  return {
    ...rest,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(refreshLife === undefined ? {} : { refreshLife, refreshUntil: at + refreshLife }),
    access: { token: accessToken, expiresAt },
    grantedScopes: scope ?? asked,
    grantedResources,
  }
}

/** What a service was not given: not asked again before the next login. */
export function withRefused(data: SessionData, audience: string): SessionData {
  const before = data.refusedResources ?? []
  return before.includes(audience) ? data : { ...data, refusedResources: [...before, audience] }
}
