// From "this session lacks a grant" to the identity provider's address: silently first, with its pages only where it wants the user.
import type { Params } from '../idp/idp.ts'
import { classify, type IdpFailure } from '../idp/idp-errors.ts'
import type { Session } from '../session/session.ts'
import type { AuthParts } from './login-parts.ts'
import { baseParams, beginFlow, type LoginParts, type Started, without } from './login-start.ts'
import { type Authorization, withRefused } from './step-up.ts'

export interface StepUpWish {
  readonly handle: string
  /** As `LoginWish.from`. */
  readonly from: string
  readonly returnTo: string
  readonly passed: Params
  readonly session: Session
  readonly service: string
  readonly silent: boolean
  readonly after?: readonly string[] | undefined
}

/** Rejects only where the session store is away. */
export async function startStepUp(parts: AuthParts, wish: StepUpWish, asked: Authorization): Promise<Started> {
  const { resources } = asked
  const usable = asked.own ? resources : await parts.resources.usable(parts.idp, resources, baseParams(parts))
  return attempt(parts, wish, asked, usable, 0)
}

/** After an `invalid_target`: what was granted before may be refused by now, and the service that is wanted not. */
export async function restartStepUp(
  parts: AuthParts,
  wish: StepUpWish,
  asked: Authorization,
  { resources, round }: { readonly resources: readonly string[]; readonly round: number },
): Promise<Started> {
  const left = asked.own ? [] : await without(parts, resources, round)
  return attempt(parts, wish, asked, left, round + 1)
}

async function attempt(
  parts: AuthParts,
  wish: StepUpWish,
  asked: Authorization,
  resources: readonly string[],
  round: number,
): Promise<Started> {
  const { service, session, silent, after, returnTo } = wish
  if (asked.resources.includes(asked.audience) && !resources.includes(asked.audience))
    return failed(parts, wish, asked, refusedTarget)
  const { sessions } = parts.bridge
  const { dpop, idToken } = sessions.secretsOf(session)
  const scope = [...new Set([...parts.scope.split(' '), ...asked.scopes])].join(' ')
  const own = await beginFlow(parts, wish, {
    ...{ returnTo, resources, round, passed: silent ? withoutPrompt(wish.passed) : wish.passed },
    // The session's: its tokens are bound to it already.
    ...(dpop === undefined ? {} : { dpop }),
    stepUp: {
      ...{ service, session: sessions.idOf(session), silent, asked, scope },
      ...(after === undefined ? {} : { after }),
    },
  })
  try {
    const params = [...baseParams(paramsOf(parts, asked, silent, scope)), ...own, ...(silent ? hint(idToken) : [])]
    const url = await parts.idp.authorizationUrl(params)
    return { kind: 'redirect', url: url.href }
  } catch (error) {
    const failure = classify(error)
    if (failure.error !== 'invalid_target' || resources.length === 0 || asked.own)
      return failed(parts, wish, asked, failure)
    return attempt(parts, wish, asked, await without(parts, resources, round), round + 1)
  }
}

/** Without pushed requests it is part of an address, and servers bound those at 8 KiB. */
const longestHint = 4096

/** OpenID Connect Core 3.1.2.1: who is meant. Some providers take no `prompt=none` without it; others say sooner that somebody else is there. */
function hint(idToken: string | undefined): Params {
  return idToken === undefined || idToken.length > longestHint ? [] : [['id_token_hint', idToken]]
}

const refusedTarget: IdpFailure = {
  kind: 'denied',
  error: 'invalid_target',
  words: 'invalid_target: the identity provider does not give this audience to this client',
}

function paramsOf(parts: LoginParts, asked: Authorization, silent: boolean, scope: string): LoginParts {
  const { authorizeParams } = parts
  return {
    ...parts,
    scope,
    authorizeParams: silent ? [...withoutPrompt(authorizeParams), ['prompt', 'none']] : authorizeParams,
    wanted: asked.own ? asked.params : parts.wanted,
  }
}

function withoutPrompt(params: Params): Params {
  return params.filter(([name]) => name !== 'prompt')
}

/** No user can help here: a page that followed login_url again would go round for ever. */
const final = new Set(['invalid_target', 'invalid_scope', 'unauthorized_client'])

export function isFinal(error: string | undefined): boolean {
  return error !== undefined && final.has(error)
}

/** Rejects only where the session store is away. */
export async function failed(
  { bridge, idp, log }: AuthParts,
  { session, service }: Pick<StepUpWish, 'session' | 'service'>,
  { audience }: Authorization,
  failure: IdpFailure,
): Promise<Started> {
  if (isFinal(failure.error)) {
    log.error(
      { issuer: idp.issuer, service, audience, error: failure.words },
      'service_authorization_refused: the identity provider gives this client no grant for this service',
    )
    await bridge.sessions.update(session, (data) => withRefused(data, audience))
  }
  return { kind: 'failed', failure }
}
