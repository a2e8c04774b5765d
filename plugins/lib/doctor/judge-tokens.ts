// One token a service, minted for real and judged as the bridge judges it. Tokens stay in here: what is told is their audiences.
import { judgeToken } from '../audience.ts'
import type { Idp, Params } from '../idp.ts'
import { classify } from '../idp-errors.ts'
import type { Grant, Minted } from '../minter.ts'
import { randomId, sha256 } from '../random-id.ts'
import { reasonDetails } from '../reasons.ts'
import type { TokenPlan } from '../token-plan.ts'
import type { Case } from './case.ts'
import { redirectUri } from './judge-login.ts'
import { differsBy, nearest } from './likeness.ts'
import { signIn, type TestUser } from './test-user.ts'

const nothing: Grant = { grantedScopes: '', grantedResources: [] }

/** Without a user's grant, those that need none. */
export async function judgeTokens(c: Case, idp: Idp, plans: readonly TokenPlan[], grant?: Grant): Promise<void> {
  let held = grant ?? nothing
  for (const plan of plans) {
    if (grant === undefined && c.mintOf(plan.wish.service) !== 'client-credentials') continue
    if (plan.minter.authorization !== undefined) {
      // The test user's grant says nothing of one that the service is to have for itself.
      c.state(plan.wish.service, 'token', 'not tried')
      continue
    }
    const minted = plan.minter.refuses(plan.wish, held) ?? (await mint(plan, held, idp))
    judgeMinted(c, plan, minted)
    if ('refreshToken' in minted && minted.refreshToken !== undefined)
      held = { ...held, refreshToken: minted.refreshToken }
    if (minted.kind !== 'grant_lost') continue
    const message = `The identity provider took the refresh token back while a token for ${plan.wish.service} was asked for${minted.words ? `: ${minted.words}` : ''}. The services after it were not asked for.`
    c.fault('token_refused', 'token', plan.wish.service, message)
    return
  }
  if (held.refreshToken !== undefined) await idp.revoke(held.refreshToken).catch(() => {})
}

async function mint({ minter, wish }: TokenPlan, grant: Grant, idp: Idp): Promise<Minted> {
  try {
    return await minter.mint(wish, grant, idp)
  } catch (error) {
    return { kind: 'unavailable', retryAfter: 1, words: classify(error).words }
  }
}

function judgeMinted(c: Case, { wish, check }: TokenPlan, minted: Minted): void {
  const { service, audience, scopes } = wish
  if (minted.kind !== 'token') {
    c.state(service, 'token', minted.kind === 'unavailable' ? 'no answer' : 'refused')
    if (minted.kind !== 'grant_lost') sayRefused(c, service, audience, minted)
    return
  }
  const expected = { ...check, issuer: c.host.section('auth').issuer, scopes, expiresAt: minted.expiresAt }
  const judged = judgeToken(minted.token, {
    ...expected,
    now: Date.now(),
    ...(minted.scope === undefined ? {} : { scope: minted.scope }),
  })
  const trusted = judged.kind === 'bad' && judged.reason === 'token_opaque' && check.opaque !== 'refuse'
  c.state(service, 'token', judged.kind === 'good' ? 'ok' : trusted ? 'opaque' : 'wrong')
  if (judged.kind === 'good' || trusted) return
  const near = nearest(check.audience, judged.got)
  const has = judged.got.length === 0 ? '' : ` Its aud is ${judged.got.join(', ')}.`
  const hint = near === undefined ? '' : ` ${near} differs by ${differsBy(check.audience, near)}.`
  const message = `The identity provider gives ${service} ${judged.words} (reason ${judged.reason}); wanted is ${check.audience}.${has}${hint}`
  c.fault('token_wrong', 'token', service, message, {
    place:
      judged.reason === 'certificate_mismatch'
        ? c.host.place('routes.yaml', ['services', service])
        : c.setting(['service_audiences', service]),
    ...(near === undefined ? {} : { change: { edit: 'replace', text: near } as const }),
    tell: `We ask for a token for ${audience} and get one with aud ${judged.got.join(', ') || 'none'}${scopes.length > 0 ? `; it must have the scopes ${scopes.join(' ')}` : ''}.`,
  })
}

type NoToken = Extract<Minted, { kind: 'refused' | 'unavailable' | 'access_lost' }>

function sayRefused(c: Case, service: string, audience: string, minted: NoToken): void {
  if (c.findings.some((finding) => finding.severity === 'fault' && finding.subject === service)) return
  const why = minted.words ?? (minted.kind === 'refused' ? reasonDetails[minted.reason] : 'it gave no answer')
  const message = `No token for ${service} (${audience}) could be minted: ${why}.`
  c.fault('token_refused', 'token', service, message, {
    place: c.setting(['service_audiences', service]),
    tell: `We ask for a token for ${audience} as the client ${c.host.section('auth').client_id} and are refused: "${why}".`,
  })
}

/** A login of the test user, as the bridge would do it. Undefined: it failed, and that is told. */
export async function grantOf(
  c: Case,
  idp: Idp,
  base: Params,
  resources: readonly string[],
  user: TestUser,
): Promise<Grant | undefined> {
  const [state, nonce, codeVerifier] = [randomId(), randomId(), randomId()]
  const params: Params = [
    ...base,
    ['state', state],
    ['nonce', nonce],
    ['code_challenge', sha256(codeVerifier)],
    ['login_hint', user.name],
    ...resources.map((resource): [string, string] => ['resource', resource]),
  ]
  try {
    const callback = await signIn(await idp.authorizationUrl(params), redirectUri(c), user)
    const first = resources.slice(0, 1).map((resource): [string, string] => ['resource', resource])
    const answer = await idp.codeGrant(callback, { state, nonce, codeVerifier }, first)
    return {
      ...(answer.refreshToken === undefined ? {} : { refreshToken: answer.refreshToken }),
      access: { token: answer.accessToken, expiresAt: answer.expiresAt },
      grantedScopes: answer.scope ?? c.host.section('auth').oauth_scopes.join(' '),
      grantedResources: resources,
    }
  } catch (error) {
    for (const service of c.services) c.state(service, 'token', 'no login')
    const message = `The test user ${user.name} could not be signed in: ${classify(error).words}. Nothing was minted.`
    c.fault('login_refused', 'token', undefined, message)
    return undefined
  }
}
