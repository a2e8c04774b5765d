import { defineEndpoint, type Exchange, type Reply } from '../../core/index.ts'
import { flowLifetime } from '../lib/login/flows.ts'
import { onwardPage, pageHeaders } from '../lib/login/login-pages.ts'
import { passedParams } from '../lib/login/login-params.ts'
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
import { startLogin } from '../lib/login/login-start.ts'
import { isBackground, isNavigation } from '../lib/login/login-url.ts'
import { safeReturnTo } from '../lib/login/return-to.ts'
import { startStepUp } from '../lib/login/step-up-start.ts'
import { cookieOf, setCookie } from '../lib/session/cookies.ts'
import type { Session } from '../lib/session/session.ts'
import type { Presented } from '../lib/session/session-reader.ts'
import { isRandomId, randomId } from '../lib/util/random-id.ts'

/** Starts the code flow. All tabs of a browser share one handle, so cookies never pile up, and tabs do not break each other. */
export default defineEndpoint({
  name: 'login',
  sections: loginSections,
  paths: () => [{ id: 'auth-login', path: '/auth/login', methods: ['GET'], auth: 'none' }],
  async setup(host) {
    const origins = await authParts(host)
    return () => (x) => {
      const parts = origins.of(x)
      if (parts === undefined) return notServedHere(x)
      return login(x, parts).catch((cause: unknown) => storeAway(x, cause))
    }
  },
})

async function login(x: Exchange, parts: AuthParts): Promise<Reply> {
  const asked = new URLSearchParams(x.query)
  const returnTo = safeReturnTo(asked.get('return_to'), parts.publicUrl, parts.returnOrigins)
  if (isBackground(x)) return notInBackground(x, parts, sameLogin(asked, returnTo, parts))
  const presented = await parts.reader.read(x)
  const { sessions } = parts.bridge
  if (asked.has('service') && presented.kind === 'session') return stepUp(x, parts, asked, presented.session, returnTo)
  // Sent by the callback's page when another tab was faster: who is signed in by now needs no second login.
  if (asked.has('resume') && presented.kind === 'session') return redirect(x, new URL(returnTo, parts.publicUrl).href)
  if (hidesSession(x, asked, presented)) return lookAgain(x, sameLogin(asked, returnTo, parts))
  const handle = handleOf(x, parts)
  const started = await startLogin(parts, {
    handle,
    from: parts.addressOf(x),
    returnTo,
    passed: passedParams(asked, parts.passParams),
    // The callback comes from another site, without the Strict cookie: the session to end is known only here.
    oldSession: presented.kind === 'session' ? sessions.keyOf(presented.session) : undefined,
  })
  if (started.kind === 'failed') return refuseFor(x, parts, started.failure, loginPath(returnTo))
  return redirect(x, started.url, setCookie(parts.loginCookie, handle, flowLifetime / 1000))
}

/**
 * Fetches what the session lacks for one service. Without a session a login is what is missing, whatever the name: nobody who is not
 * signed in learns here which services there are.
 */
async function stepUp(
  x: Exchange,
  parts: AuthParts,
  asked: URLSearchParams,
  session: Session,
  returnTo: string,
): Promise<Reply> {
  const [service = '', ...more] = asked.getAll('service')
  const missing = parts.bridge.broker.missing(session, service)
  const path = loginPath(returnTo)
  if (missing.kind === 'unknown' || more.length > 0)
    return refuse(x, parts, { code: 'LOGIN_FAILED', reason: 'unknown_service', detail: unknownService, retry: path })
  if (missing.kind === 'nothing') return redirect(x, new URL(returnTo, parts.publicUrl).href)
  if (missing.kind === 'login') return redirect(x, `${parts.publicUrl}${path}`)
  const { kind: _, ...wanted } = missing
  const handle = handleOf(x, parts)
  const passed = passedParams(asked, parts.passParams)
  const from = parts.addressOf(x)
  const silent = !passed.some(([name]) => name === 'prompt')
  const started = await startStepUp(parts, { handle, from, returnTo, passed, session, service, silent }, wanted)
  if (started.kind === 'failed')
    return refuseFor(x, parts, started.failure, `${path}&service=${encodeURIComponent(service)}`)
  return redirect(x, started.url, setCookie(parts.loginCookie, handle, flowLifetime / 1000))
}

const unknownService = 'No service of this name has a route here that needs a token. Nothing was changed.'

/**
 * A link on another site: browsers send no Strict cookie along the way from there, so nobody can tell whether somebody is signed in.
 * Each such link would begin one more session and leave the one before without an owner.
 */
function hidesSession(x: Exchange, asked: URLSearchParams, { kind }: Presented): boolean {
  return kind === 'none' && x.header('sec-fetch-site') === 'cross-site' && isNavigation(x) && !asked.has('resume')
}

/** The cookie of a login that nobody began would stay, and take a place in the store. The redirect would end in a CORS error anyhow. */
function notInBackground(x: Exchange, { publicUrl }: AuthParts, query: string): Reply {
  const detail = 'A login begins where the browser itself goes to login_url, not with a fetch, an image or a prefetch.'
  return x.reply(401, 'SESSION_REQUIRED', { detail, members: { login_url: `${publicUrl}/auth/login?${query}` } })
}

function lookAgain(x: Exchange, query: string): Reply {
  return x.reply(200, 'OK', { headers: pageHeaders, body: onwardPage(`/auth/login?resume=1&${query}`) })
}

/** What was asked for, with no more of it than counts. */
function sameLogin(asked: URLSearchParams, returnTo: string, { passParams }: AuthParts): string {
  const query = new URLSearchParams({ return_to: returnTo })
  for (const service of asked.getAll('service')) query.append('service', service)
  for (const [name, value] of passedParams(asked, passParams)) query.append(name, value)
  return String(query)
}

function handleOf(x: Exchange, { loginCookie }: AuthParts): string {
  const known = cookieOf(x.rawHeaders, loginCookie.name)
  return typeof known === 'string' && isRandomId(known) ? known : randomId()
}

function loginPath(returnTo: string): string {
  return `/auth/login?return_to=${encodeURIComponent(returnTo)}`
}
