// The callback of a step-up: what the authorization brought joins the session it was begun for, or nothing changes at all.
import type { Exchange, Reply } from '../../../core/index.ts'
import type { CodeAnswer } from '../idp/idp.ts'
import { classify, type IdpFailure } from '../idp/idp-errors.ts'
import type { Session } from '../session/session.ts'
import { withTimeout } from '../util/with-timeout.ts'
import type { Flow, StepUp } from './flows.ts'
import { continuePage, onwardPage, pageHeaders } from './login-pages.ts'
import { type AuthParts, type Refused, redirect, refuse, refuseFor } from './login-parts.ts'
import type { Started } from './login-start.ts'
import type { Admitted } from './step-up.ts'
import { failed, isFinal, restartStepUp, type StepUpWish, startStepUp } from './step-up-start.ts'

/** A redeem that hangs holds the lane; its outcome is written down all the same. */
const patience = 10_000

interface StepUpParts extends AuthParts {
  background(work: Promise<unknown>): void
}

export interface SteppingUp {
  readonly flow: Flow
  readonly stepUp: StepUp
  readonly handle: string
  /** As `LoginWish.from`. */
  readonly from: string
  readonly session: Session
}

/** A logout that was answered meanwhile stays one. */
export function stepUpOver(x: Exchange, parts: AuthParts, { returnTo }: Flow): Reply {
  const detail = 'The session ended before this came back. Sign in again.'
  return refuse(x, parts, { code: 'LOGIN_FAILED', reason: 'session_over', detail, retry: loginPath(returnTo) })
}

export async function endStepUp(
  x: Exchange,
  parts: StepUpParts,
  going: SteppingUp,
  answer: CodeAnswer,
): Promise<Reply> {
  const { flow, stepUp, session } = going
  const { resources } = flow
  const { scope, silent, after } = stepUp
  const admitting = parts.bridge.broker
    .admit(session, stepUp.service, { answer, resources, scope, mayBeShown: silent && after === undefined })
    .then(async (admitted) => {
      if (admitted !== 'kept' && answer.refreshToken !== undefined) await giveBack(parts, answer.refreshToken)
      return admitted
    })
  parts.background(admitting.catch(() => {}))
  const admitted = await withTimeout(patience, admitting).catch((error: unknown): Admitted => {
    if (error instanceof DOMException && error.name === 'TimeoutError') return 'unavailable'
    throw error
  })
  if (admitted === 'kept') {
    parts.log.info({ service: stepUp.service, sub: session.sub }, 'service_grant_added')
    return goOn(x, parts, going)
  }
  if (stepUp.after !== undefined && admitted !== 'gone') return goOn(x, parts, going)
  if (admitted === 'no_refresh_token' && stepUp.silent) return shown(x, parts, going)
  return admitted === 'gone'
    ? stepUpOver(x, parts, flow)
    : refuse(x, parts, { ...refusals[admitted], retry: retryOf(admitted, going) })
}

const refusals: Readonly<Record<Exclude<Admitted, 'kept' | 'gone'>, Refused>> = {
  other_user: {
    code: 'LOGIN_FAILED',
    reason: 'other_user',
    detail:
      'Somebody else is signed in at the identity provider. Nothing was changed here; sign in again to go on as that user.',
  },
  no_refresh_token: {
    code: 'LOGIN_FAILED',
    reason: 'no_refresh_token',
    detail: 'The identity provider gave no refresh token this time. Nothing was changed; the other services go on.',
  },
  unknown: {
    code: 'LOGIN_FAILED',
    reason: 'unknown_service',
    detail: 'This service is not configured any more. Nothing was changed.',
  },
  unavailable: {
    code: 'IDP_UNAVAILABLE',
    detail: 'The identity provider is slow just now. Nothing is lost; try again in a moment.',
  },
}

function retryOf(admitted: Admitted, { flow, stepUp }: SteppingUp): string {
  const login = loginPath(flow.returnTo)
  return admitted === 'other_user' || admitted === 'unknown'
    ? login
    : `${login}&service=${encodeURIComponent(stepUp.service)}`
}

/** The identity provider said no, or wants to see the user. */
export async function stepUpRefused(
  x: Exchange,
  parts: StepUpParts,
  going: SteppingUp,
  error: unknown,
): Promise<Reply> {
  const failure = classify(error)
  const { flow, stepUp } = going
  if (failure.error === 'invalid_target' && !stepUp.asked.own)
    return answer(x, parts, going, await restartStepUp(parts, wishOf(going, stepUp.silent), stepUp.asked, flow))
  // Some providers say access_denied or invalid_request to a prompt=none that they cannot answer.
  const mayBeShown = failure.kind === 'denied' && failure.error !== undefined && !isFinal(failure.error)
  if (stepUp.silent && stepUp.after === undefined && mayBeShown) return shown(x, parts, going)
  return answer(
    x,
    parts,
    going,
    await failed(parts, { session: going.session, service: stepUp.service }, stepUp.asked, failure),
  )
}

/** Once more, with the identity provider's pages. */
async function shown(x: Exchange, parts: StepUpParts, going: SteppingUp): Promise<Reply> {
  return answer(x, parts, going, await startStepUp(parts, wishOf(going, false), going.stepUp.asked))
}

function wishOf({ flow, stepUp, handle, from, session }: SteppingUp, silent: boolean): StepUpWish {
  const { service, after } = stepUp
  return { handle, from, returnTo: flow.returnTo, passed: flow.passed, session, service, silent, after }
}

function answer(x: Exchange, parts: StepUpParts, going: SteppingUp, started: Started): Reply | Promise<Reply> {
  if (started.kind === 'redirect') return redirect(x, started.url)
  // A login goes on without the service that was refused.
  if (going.stepUp.after !== undefined) {
    noteSkipped(parts, going.stepUp.service, started.failure)
    return goOn(x, parts, going, started.failure)
  }
  return refuseFor(x, parts, started.failure, retryOf('unavailable', going))
}

function noteSkipped({ log, idp }: AuthParts, service: string, { words }: IdpFailure): void {
  log.warn({ issuer: idp.issuer, service, error: words }, 'service_grant_not_had')
}

async function goOn(x: Exchange, parts: StepUpParts, going: SteppingUp, failure?: IdpFailure): Promise<Reply> {
  const { flow, stepUp, handle, from, session } = going
  // Who has no session at the provider, or no answer from it, has none for the next service either.
  const over = failure?.kind === 'transient' || failure?.error === 'login_required'
  const after = over ? [] : (stepUp.after ?? [])
  const wish = { handle, from, session, returnTo: flow.returnTo }
  return (
    (await nextGrant(x, parts, wish, after)) ??
    x.reply(200, 'OK', { headers: pageHeaders, body: continuePage(flow.returnTo) })
  )
}

/** Browsers follow some twenty redirects in a row; a page in between begins a new row. */
const redirectsInARow = 4

/** Goes to the first of these services that lacks a grant of its own, and then to the others. Undefined: there is none left. */
export async function nextGrant(
  x: Exchange,
  parts: AuthParts,
  wish: Pick<StepUpWish, 'handle' | 'from' | 'session' | 'returnTo'>,
  services: readonly string[],
  headers: readonly string[] = [],
): Promise<Reply | undefined> {
  for (const [at, service] of services.entries()) {
    const missing = parts.bridge.broker.missing(wish.session, service)
    if (missing.kind !== 'authorization') continue
    const { kind: _, ...asked } = missing
    const after = services.slice(at + 1)
    const started = await startStepUp(parts, { ...wish, passed: [], service, silent: true, after }, asked)
    if (started.kind === 'failed') {
      noteSkipped(parts, service, started.failure)
      if (started.failure.kind === 'transient') return undefined
      continue
    }
    if (after.length % redirectsInARow === redirectsInARow - 1)
      return x.reply(200, 'OK', { headers: [...pageHeaders, ...headers], body: onwardPage(started.url) })
    return redirect(x, started.url, headers)
  }
  return undefined
}

async function giveBack({ idp, log }: AuthParts, token: string): Promise<void> {
  await idp.revoke(token).catch((error: unknown) => {
    log.warn({ issuer: idp.issuer, error: classify(error).words }, 'refresh_token_not_revoked')
  })
}

function loginPath(returnTo: string): string {
  return `/auth/login?return_to=${encodeURIComponent(returnTo)}`
}
