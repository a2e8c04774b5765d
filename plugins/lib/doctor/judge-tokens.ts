// One token a service, minted for real.

import type { Idp } from '../idp/idp.ts'
import { classify } from '../idp/idp-errors.ts'
import { holdsAudience } from '../token/audience.ts'
import type { Grant, Minted } from '../token/minter.ts'
import type { TokenPlan } from '../token/token-plan.ts'
import type { Case } from './case.ts'
import { judgeMinted, judgementOf } from './judge-minted.ts'
import { nearest, slipsOf } from './likeness.ts'

const nothing: Grant = { grantedScopes: '', grantedResources: [] }
/** They name the audience as it is when they mint: another can be named instead. A login has settled it for the rest. */
const naming = new Set(['audience', 'token-exchange', 'client-credentials'])

/** Without a user's grant, those that need none. */
export async function judgeTokens(c: Case, idp: Idp, plans: readonly TokenPlan[], grant?: Grant): Promise<void> {
  const round = { idp, held: grant ?? nothing }
  const results: [TokenPlan, Minted][] = []
  for (const plan of plans) {
    if (grant === undefined && c.mintOf(plan.wish.service) !== 'client-credentials') continue
    // This grant says nothing of one that the service is to have for itself.
    if (plan.minter.authorization !== undefined) continue
    const minted = plan.minter.refuses(plan.wish, round.held) ?? (await mint(round, plan))
    results.push([plan, minted])
    if (minted.kind === 'grant_lost') break
  }
  // Questions that may cost the refresh token come when all the rest has its answer.
  for (const [plan, minted] of results) judgeMinted(c, plan, minted, await takenInstead(c, round, plan, minted))
  if (round.held.refreshToken !== undefined) await idp.revoke(round.held.refreshToken).catch(() => {})
}

interface Round {
  readonly idp: Idp
  held: Grant
}

async function mint(round: Round, plan: TokenPlan): Promise<Minted> {
  const minted = await mintOnce(plan, round.held, round.idp)
  if ('refreshToken' in minted && minted.refreshToken !== undefined)
    round.held = { ...round.held, refreshToken: minted.refreshToken }
  return minted
}

export async function mintOnce({ minter, wish }: TokenPlan, grant: Grant, idp: Idp): Promise<Minted> {
  try {
    return await minter.mint(wish, grant, idp)
  } catch (error) {
    return { kind: 'unavailable', retryAfter: 1, words: classify(error).words }
  }
}

async function takenInstead(c: Case, round: Round, plan: TokenPlan, minted: Minted): Promise<string | undefined> {
  const { wish, check } = plan
  const away = minted.kind === 'unavailable' && minted.alarm !== true
  if (!naming.has(c.mintOf(wish.service)) || away || minted.kind === 'grant_lost') return undefined
  if (minted.kind === 'token') {
    const judged = judgementOf(c, plan, minted)
    if (judged.kind === 'good' || judged.reason !== 'audience_mismatch') return undefined
    if (nearest(check.audience, c.notOthers(wish.service, judged.got)) !== undefined) return undefined
  }
  for (const slip of c.notOthers(wish.service, slipsOf(wish.audience))) {
    const tried = await mint(round, { ...plan, wish: { ...wish, audience: slip } })
    if (tried.kind === 'token' && holdsAudience(tried.token, check.audience === wish.audience ? slip : check.audience))
      return slip
    if (tried.kind === 'grant_lost') return undefined
  }
  return undefined
}
