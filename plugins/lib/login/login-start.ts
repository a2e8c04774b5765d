// From "this browser wants to sign in" to the identity provider's address: one way, for the login and for its next rounds.
import type { Log } from '../../../core/index.ts'
import type { Idp, Params } from '../idp/idp.ts'
import { classify, type IdpFailure } from '../idp/idp-errors.ts'
import { makeDpopKey, thumbprint } from '../token/dpop.ts'
import { randomId, sha256 } from '../util/random-id.ts'
import type { Flow, Flows } from './flows.ts'
import type { LoginResources } from './login-resources.ts'

/** Each loses at least one refused resource; the last asks for none. */
const maxRounds = 3

export interface LoginParts {
  readonly idp: Idp
  readonly flows: Flows
  readonly resources: LoginResources
  readonly log: Log
  readonly publicUrl: string
  readonly redirectUri: string
  readonly scope: string
  /** Whether this login's tokens are bound to a key. */
  readonly dpop: boolean
  readonly authorizeParams: Params
  /** What the minter wants of the login: `resource` values, and others as they are. */
  readonly wanted: Params
}

export interface LoginWish {
  readonly handle: string
  /** The client's address. */
  readonly from: string
  readonly returnTo: string
  readonly passed: Params
  readonly oldSession?: string | undefined
}

export type Started =
  | { readonly kind: 'redirect'; readonly url: string }
  | { readonly kind: 'failed'; readonly failure: IdpFailure }

/** Rejects only where the session store is away. */
export async function startLogin(parts: LoginParts, wish: LoginWish): Promise<Started> {
  const wanted = wantedResources(parts)
  const usable = await parts.resources.usable(parts.idp, wanted, baseParams(parts))
  return attempt(parts, wish, usable, 0)
}

/** The next round of a flow whose resources the identity provider refused, at the callback or at the token endpoint. */
export async function restartLogin(
  parts: LoginParts,
  by: Pick<LoginWish, 'handle' | 'from'>,
  flow: Flow,
): Promise<Started> {
  return attempt(parts, { ...flow, ...by }, await without(parts, flow.resources, flow.round), flow.round + 1)
}

async function attempt(
  parts: LoginParts,
  wish: LoginWish,
  resources: readonly string[],
  round: number,
): Promise<Started> {
  const { returnTo, passed, oldSession } = wish
  const own = await beginFlow(parts, wish, {
    ...{ returnTo, passed, resources, round },
    ...(parts.dpop ? { dpop: makeDpopKey() } : {}),
    ...(oldSession === undefined ? {} : { oldSession }),
  })
  try {
    const url = await parts.idp.authorizationUrl([...baseParams(parts), ...own])
    return { kind: 'redirect', url: url.href }
  } catch (error) {
    const failure = classify(error)
    if (failure.error !== 'invalid_target' || resources.length === 0) return { kind: 'failed', failure }
    return attempt(parts, wish, await without(parts, resources, round), round + 1)
  }
}

/** Keeps the flow, and answers what is its own in the request. Rejects only where the session store is away. */
export async function beginFlow(
  { flows, idp, publicUrl }: Pick<LoginParts, 'flows' | 'idp' | 'publicUrl'>,
  { handle, from }: Pick<LoginWish, 'handle' | 'from'>,
  flow: Omit<Flow, 'issuer' | 'origin' | 'nonce' | 'codeVerifier'>,
): Promise<Params> {
  const nonce = randomId()
  const codeVerifier = randomId()
  const { dpop, resources, passed } = flow
  const kept: Flow = { ...flow, issuer: idp.issuer, origin: publicUrl, nonce, codeVerifier }
  const { state } = await flows.begin(handle, kept, from)
  return [
    ['state', state],
    ['nonce', nonce],
    ['code_challenge', sha256(codeVerifier)],
    ...resources.map((resource): [string, string] => ['resource', resource]),
    ...(dpop === undefined ? [] : ([['dpop_jkt', thumbprint(dpop)]] as const)),
    ...passed,
  ]
}

/** What is left to ask for. Nothing, when the identity provider refuses them together but each alone is fine, or will not say. */
export async function without(parts: LoginParts, asked: readonly string[], round: number): Promise<readonly string[]> {
  const left = round + 1 >= maxRounds ? [] : await parts.resources.sift(parts.idp, asked, baseParams(parts), parts.log)
  if (left.length < asked.length && left.length > 0) return left
  if (left.length === asked.length || round + 1 >= maxRounds)
    parts.log.error(
      { issuer: parts.idp.issuer, audiences: asked },
      'login_resources_refused: the identity provider refuses these audiences together; this login goes on without any',
    )
  return []
}

/** The `resource` values that a login asks for while none is known to be refused. */
export function wantedResources({ wanted }: Pick<LoginParts, 'wanted'>): readonly string[] {
  return wanted.filter(([name]) => name === 'resource').map(([, value]) => value)
}

export function baseParams({ idp, redirectUri, scope, authorizeParams, wanted }: LoginParts): Params {
  return [
    ['client_id', idp.clientId],
    ['response_type', 'code'],
    ['redirect_uri', redirectUri],
    ['scope', scope],
    ['code_challenge_method', 'S256'],
    ...authorizeParams,
    ...wanted.filter(([name]) => name !== 'resource'),
  ]
}
