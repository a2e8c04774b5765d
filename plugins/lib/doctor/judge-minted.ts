// What the mint of one service brought, judged as the bridge judges it. Tokens stay in here: what is told is their audiences.
import type { FilePlace } from '../../../core/index.ts'
import { judgeToken } from '../token/audience.ts'
import type { Minted } from '../token/minter.ts'
import { reasonDetails } from '../token/reasons.ts'
import type { TokenPlan } from '../token/token-plan.ts'
import type { Case } from './case.ts'
import { differsBy, nearest } from './likeness.ts'
import { sayNotAsked, scopesNotAsked } from './requested-scopes.ts'

type Token = Extract<Minted, { kind: 'token' }>

export function judgementOf(c: Case, { wish, check }: TokenPlan, { token, expiresAt, scope }: Token) {
  const { issuer } = c.host.section('auth')
  const { scopes } = wish
  const expected = { ...check, issuer, scopes, expiresAt, now: Date.now() }
  return judgeToken(token, { ...expected, ...(scope === undefined ? {} : { scope }) })
}

/** `taken`: what the provider takes in place of this audience, as far as that was asked. */
export function judgeMinted(c: Case, plan: TokenPlan, minted: Minted, taken?: string): void {
  const { service } = plan.wish
  if (minted.kind !== 'token') {
    // invalid_client, of a client whose credentials are good: some call the audience a client, and do not know it.
    const away = minted.kind === 'unavailable' && minted.alarm !== true
    c.state(service, 'token', away ? 'no answer' : 'refused')
    if (taken === undefined) sayRefused(c, plan, minted)
    else sayUnlike(c, plan, taken)
    return
  }
  const judged = judgementOf(c, plan, minted)
  const trusted = judged.kind === 'bad' && judged.reason === 'token_opaque' && plan.check.opaque !== 'refuse'
  c.state(service, 'token', judged.kind === 'good' ? 'ok' : trusted ? 'opaque' : 'wrong')
  if (judged.kind === 'good' || trusted) return
  if (taken !== undefined) sayUnlike(c, plan, taken)
  else if (judged.reason === 'not_granted' && scopesNotAsked(c, plan)) sayNotAsked(c, plan)
  else sayWrong(c, plan, judged)
}

function sayUnlike(c: Case, { wish: { service, audience } }: TokenPlan, taken: string): void {
  c.state(service, 'settings', 'unlike')
  const message = `The identity provider gives ${service} no token for the audience ${audience}, and one for ${taken}: it differs by ${differsBy(audience, taken)}.`
  c.fault('audience_unlike', 'settings', service, message, {
    place: c.setting(['service_audiences', service]),
    change: { edit: 'replace', text: taken },
  })
}

type Bad = Extract<ReturnType<typeof judgementOf>, { kind: 'bad' }>

function sayWrong(c: Case, plan: TokenPlan, { reason, words, got }: Bad): void {
  const { service, audience, scopes } = plan.wish
  const wanted = plan.check.audience
  const near = nearest(wanted, c.notOthers(service, got))
  const has = got.length === 0 ? '' : ` Its aud is ${got.join(', ')}.`
  const hint = near === undefined ? '' : ` ${near} differs by ${differsBy(wanted, near)}.`
  const message = `The identity provider gives ${service} ${words} (reason ${reason}); wanted is ${wanted}.${has}${hint}`
  c.fault('token_wrong', 'token', service, message, {
    place: placeOf(c, plan, reason),
    ...(near === undefined ? {} : { change: { edit: 'replace', text: near } as const }),
    tell: `We ask for a token for ${audience} and get one with aud ${got.join(', ') || 'none'}${scopes.length > 0 ? `; it must have the scopes ${scopes.join(' ')}` : ''}.`,
  })
}

/** What settings.yaml says of the thing that is wrong. */
function placeOf(c: Case, { wish, check }: TokenPlan, reason: Bad['reason']): FilePlace {
  const { service, audience } = wish
  if (reason === 'certificate_mismatch') return c.host.place('routes.yaml', ['services', service])
  if (reason === 'not_granted') return c.setting(['service_scopes', service])
  return check.audience === audience
    ? c.setting(['service_audiences', service])
    : c.setting(['service_tokens', service, 'expected_audience'])
}

type NoToken = Exclude<Minted, { kind: 'token' }>

function sayRefused(c: Case, { wish: { service, audience, scopes } }: TokenPlan, minted: NoToken): void {
  if (c.findings.some((finding) => finding.severity === 'fault' && finding.subject === service)) return
  const why = minted.words ?? (minted.kind === 'refused' ? reasonDetails[minted.reason] : 'it gave no answer')
  const { client_id } = c.host.section('auth')
  const byScope = scopes.length > 0 && (c.mintOf(service) === 'scope' || /^invalid_scope\b/.test(why))
  const what = byScope ? `${audience}, scopes ${scopes.join(' ')}` : audience
  const lost =
    minted.kind === 'grant_lost' ? ' It took the refresh token back, so the services after it were not asked for.' : ''
  const message = `No token for ${service} (${what}) could be minted: ${why}.${lost}`
  c.fault('token_refused', 'token', service, message, {
    place: c.setting([byScope ? 'service_scopes' : 'service_audiences', service]),
    tell: `We ask for a token for ${what} as the client ${client_id} and are refused: "${why}". Please allow it to that client, or tell us what it is called there.`,
  })
}
