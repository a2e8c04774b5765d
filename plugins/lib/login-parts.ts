// What the endpoints under /auth share, made of their host.
import type { Exchange, Host, Reply } from '../../core/index.ts'
import { isFault, titleOf } from '../../core/index.ts'
import { type Bridge, bridge, bridgeSections, loginParams } from './bridge.ts'
import { type CookieSpec, loginCookie } from './cookies.ts'
import { makeFlows } from './flows.ts'
import type { IdpFailure } from './idp-errors.ts'
import { failurePage, pageHeaders } from './login-pages.ts'
import { loginResourcesShared } from './login-resources.ts'
import type { LoginParts } from './login-start.ts'
import { isNavigation } from './login-url.ts'
import { makeSessionReader, type SessionReader } from './session-reader.ts'
import { ringOf } from './sessions.ts'

export const loginSections = bridgeSections

export interface AuthParts extends LoginParts {
  readonly bridge: Bridge
  readonly reader: SessionReader
  readonly loginCookie: CookieSpec
  readonly publicUrl: string
  /** Names that a login's query may hand on. */
  readonly passParams: readonly string[]
  readonly userinfo: boolean
}

/** The redirect URI comes from `public_url`, never from a request's Host (BCP-1). */
export async function authParts(host: Host<unknown>): Promise<AuthParts> {
  const auth = host.section('auth')
  const session = host.section('session')
  const made = await bridge(host)
  const authorizeParams = Object.entries(auth.authorize_params)
  const wanted = loginParams(made.plans)
  const scope = auth.oauth_scopes.join(' ')
  const { issuer, client_id } = auth
  return {
    bridge: made,
    idp: made.idp,
    flows: makeFlows(await host.use('session-store', session.store), ringOf(session)),
    resources: await host.shared(loginResourcesShared, {
      issuer,
      client_id,
      params: [['scope', scope], ...authorizeParams, ...wanted],
    }),
    log: host.log,
    redirectUri: `${host.server.public_url}/auth/callback`,
    scope,
    authorizeParams,
    wanted,
    reader: makeSessionReader(made.sessions, host.server, { auth, session }),
    loginCookie: loginCookie(host.server),
    publicUrl: host.server.public_url,
    passParams: auth.pass_params,
    userinfo: auth.userinfo,
    dpop: auth.dpop,
  }
}

/** A store that does not answer is a passing fault; anything else is ours, and INTERNAL. */
export function storeAway(x: Exchange, cause: unknown): Reply {
  if (isFault(cause) && cause.code === 'STORE_UNAVAILABLE')
    return x.reply(503, 'STORE_UNAVAILABLE', { retryAfter: 1, cause })
  throw cause
}

export const noStore = ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff']

export function redirect(x: Exchange, url: string, headers: readonly string[] = []): Reply {
  return x.reply(303, 'OK', { headers: [...headers, 'Location', url, ...noStore, 'Referrer-Policy', 'no-referrer'] })
}

export interface Refused {
  readonly code: 'LOGIN_FAILED' | 'IDP_UNAVAILABLE'
  readonly detail: string
  readonly reason?: string
  /** Path and query of a login that may succeed. */
  readonly retry?: string
  readonly goOn?: boolean
}

/** A page for who looks at it, a problem for scripts. Nothing that came with the request is repeated in it. */
export function refuse(x: Exchange, { code, detail, reason, retry = '/auth/login', goOn }: Refused): Reply {
  const status = code === 'LOGIN_FAILED' ? 400 : 503
  const said = { detail, ...(reason === undefined ? {} : { reason }), ...(status === 503 ? { retryAfter: 1 } : {}) }
  if (!isNavigation(x)) return x.reply(status, code, { ...said, members: { login_url: retry } })
  const page = { title: titleOf(code), detail, correlationId: x.id, retry, ...(goOn ? { goOn } : {}) }
  return x.reply(status, code, { ...said, headers: pageHeaders, body: failurePage(page) })
}

/** The identity provider's own words are for the log: its error page may say anything. */
export function refuseFor(x: Exchange, parts: AuthParts, failure: IdpFailure, retry: string): Reply {
  const { kind, error, words } = failure
  const fields = { issuer: parts.idp.issuer, error: words, correlation_id: x.id }
  if (kind === 'transient') {
    parts.log.warn(fields, 'idp_unavailable')
    const detail = 'The identity provider cannot be reached just now. Nothing is lost; try again in a moment.'
    return refuse(x, { code: 'IDP_UNAVAILABLE', detail, retry })
  }
  parts.log[kind === 'misconfigured' ? 'error' : 'warn'](fields, 'login_refused_by_idp')
  const detail =
    details[error ?? ''] ?? 'The identity provider did not complete this login. Try again; the log knows more.'
  return refuse(x, {
    code: 'LOGIN_FAILED',
    detail,
    retry,
    ...(knownErrors.test(error ?? '') ? { reason: error ?? '' } : {}),
  })
}

const knownErrors = /^[a-z_]{1,40}$/
const details: Readonly<Record<string, string>> = {
  access_denied: 'The login was cancelled, or this account may not use this application.',
  invalid_client:
    'The identity provider does not accept this server. Its operator must check client_id, client_secret and client_auth.',
  invalid_scope: 'The identity provider does not give this client a scope of auth.oauth_scopes.',
  invalid_grant: 'This login was already completed, or took too long.',
}
