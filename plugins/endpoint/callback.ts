import { defineEndpoint, type Exchange, type Host, type Reply } from '../../core/index.ts'
import type { CodeAnswer } from '../lib/idp/idp.ts'
import { classify } from '../lib/idp/idp-errors.ts'
import type { Flow } from '../lib/login/flows.ts'
import { continuePage, pageHeaders } from '../lib/login/login-pages.ts'
import { maxAgeOf } from '../lib/login/login-params.ts'
import {
  type AuthParts,
  authParts,
  loginSections,
  notServedHere,
  redirect,
  refuse,
  refuseFor,
  storeAway,
} from '../lib/login/login-parts.ts'
import { sessionData } from '../lib/login/login-session.ts'
import { restartLogin, wantedResources } from '../lib/login/login-start.ts'
import { endStepUp, nextGrant, type SteppingUp, stepUpOver, stepUpRefused } from '../lib/login/step-up-end.ts'
import { ambiguous, cookieOf, setCookie } from '../lib/session/cookies.ts'
import { isRandomId } from '../lib/util/random-id.ts'
import { withTimeout } from '../lib/util/with-timeout.ts'

/** A code grant takes one round trip and a key set; who waited this long is told to try again. */
const patience = 15_000

interface Parts extends AuthParts {
  readonly absoluteTimeout: number
  background: Host['background']
}

/** Ends the code flow: a new session with a new id, and a page that goes on to where the login began. */
export default defineEndpoint({
  name: 'callback',
  sections: loginSections,
  paths: () => [{ id: 'auth-callback', path: '/auth/callback', methods: ['GET'], auth: 'none' }],
  async setup(host) {
    const origins = (await authParts(host)).map(
      (parts): Parts => ({
        ...parts,
        absoluteTimeout: host.section('session').absolute_timeout,
        background: (work) => host.background(work),
      }),
    )
    return () => (x) => {
      const parts = origins.of(x)
      if (parts === undefined) return notServedHere(x)
      return callback(x, parts).catch((cause: unknown) => storeAway(x, cause))
    }
  },
})

async function callback(x: Exchange, parts: Parts): Promise<Reply> {
  const states = new URLSearchParams(x.query).getAll('state')
  const cookie = cookieOf(x.rawHeaders, parts.loginCookie.name)
  const handle = cookie !== ambiguous && isRandomId(cookie) ? cookie : undefined
  const [state] = states
  if (states.length !== 1 || !isRandomId(state)) return notOurs(x, parts)
  const taken = await parts.flows.take(handle, state, parts.publicUrl)
  // A browser without a cookie that opened many tabs at once keeps the last of their handles: the others sign in once more, by themselves.
  if (taken.kind === 'foreign') return handle === undefined ? notOurs(x, parts) : notOurs(x, parts, taken.returnTo)
  if (taken.kind === 'unknown' || handle === undefined) return notOurs(x, parts)
  const { flow } = taken
  if (flow.issuer !== parts.idp.issuer) return notOurs(x, parts)
  const going = await steppingUp(x, parts, flow, handle)
  if (going === 'over') return stepUpOver(x, parts, flow)
  const redeemed = redeem(parts, x, state, flow)
  let answer: CodeAnswer
  try {
    answer = await withTimeout(patience, redeemed)
  } catch (error) {
    if (isTimeout(error)) parts.background(giveBack(parts, redeemed))
    return going ? stepUpRefused(x, parts, going, error) : refusedByIdp(x, parts, handle, flow, error)
  }
  return going ? endStepUp(x, parts, going, answer) : signIn(x, parts, { flow, handle, answer })
}

/** The session that a step-up is for, unless it ended meanwhile: before the code is spent, so that nothing is left to give back. */
async function steppingUp(
  x: Exchange,
  { bridge, addressOf }: Parts,
  flow: Flow,
  handle: string,
): Promise<SteppingUp | 'over' | undefined> {
  const { stepUp } = flow
  if (stepUp === undefined) return undefined
  const session = await bridge.sessions.open(stepUp.session)
  return session === undefined ? 'over' : { flow, stepUp, handle, from: addressOf(x), session }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}

/** Nobody waits for this login any more: what it is given after all must not stay good for months. */
async function giveBack({ idp }: Parts, redeemed: Promise<CodeAnswer>): Promise<void> {
  const late = await redeemed.catch(() => undefined)
  if (late?.refreshToken !== undefined) await idp.revoke(late.refreshToken).catch(() => {})
}

/** One answer whatever was wrong: which states are alive is nobody's business. */
function notOurs(x: Exchange, parts: AuthParts, returnTo?: string): Reply {
  const detail =
    'This does not belong to a login of this browser, or that login took too long or was completed already.'
  if (returnTo === undefined) return refuse(x, parts, { code: 'LOGIN_FAILED', detail })
  const retry = `/auth/login?resume=1&return_to=${encodeURIComponent(returnTo)}`
  return refuse(x, parts, { code: 'LOGIN_FAILED', detail, retry, goOn: true })
}

/** RFC 8707 section 2.2: many resources on authorize, one on the grant. The login's own access token is then good for that service. */
function redeem(parts: Parts, x: Exchange, state: string, flow: Flow): Promise<CodeAnswer> {
  const { nonce, codeVerifier, resources, passed, dpop, stepUp } = flow
  const maxAge = maxAgeOf(passed, parts.authorizeParams)
  const forService = stepUp !== undefined
  const first = parts.userinfo && !forService ? [] : resources.slice(0, 1)
  const params = first.map((resource): [string, string] => ['resource', resource])
  return parts.idp.codeGrant(
    new URL(`${parts.redirectUri}${x.query}`),
    { state, nonce, codeVerifier, maxAge, dpop, forService },
    params,
  )
}

interface Done {
  readonly flow: Flow
  readonly handle: string
  readonly answer: CodeAnswer
}

async function signIn(x: Exchange, parts: Parts, done: Done): Promise<Reply> {
  const { sessions, broker } = parts.bridge
  const data = sessionData({ ...parts, ...done, wanted: wantedResources(parts), client: parts.reader.clientOf(x) })
  const { id, session } = await sessions.create(data)
  await endOld(x, parts, done.flow)
  parts.background(broker.prefetch(session))
  const cookie = setCookie(parts.reader.cookie, id)
  const { returnTo } = done.flow
  const wish = { handle: done.handle, from: parts.addressOf(x), session, returnTo }
  return (
    (await nextGrant(x, parts, wish, withOwnGrants(parts), cookie)) ??
    x.reply(200, 'OK', { headers: [...pageHeaders, ...cookie], body: continuePage(returnTo) })
  )
}

function withOwnGrants({ bridge: { plans } }: Parts): readonly string[] {
  return plans.filter(({ minter }) => minter.authorization !== undefined).map(({ wish }) => wish.service)
}

async function endOld(x: Exchange, { bridge: { sessions }, reader }: Parts, { oldSession }: Flow): Promise<void> {
  if (oldSession !== undefined) await sessions.endKey(oldSession, 'replaced')
  const presented = await reader.read(x)
  if (presented.kind === 'session') await sessions.end(presented.session, 'replaced')
}

async function refusedByIdp(x: Exchange, parts: Parts, handle: string, flow: Flow, error: unknown): Promise<Reply> {
  const retry = `/auth/login?return_to=${encodeURIComponent(flow.returnTo)}`
  const failure = classify(error)
  if (failure.error !== 'invalid_target' || flow.resources.length === 0) return refuseFor(x, parts, failure, retry)
  const started = await restartLogin(parts, { handle, from: parts.addressOf(x) }, flow)
  return started.kind === 'redirect' ? redirect(x, started.url) : refuseFor(x, parts, started.failure, retry)
}
