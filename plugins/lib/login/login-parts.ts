// What the endpoints under /auth share, made of their host.

import type { Exchange, Host, Reply } from '../../../core/index.ts'
import { isFault, titleOf } from '../../../core/index.ts'
import { type Bridge, bridge, bridgeSections, loginParams } from '../bridge.ts'
import { clientAddress } from '../http/forwarded.ts'
import { type PerOrigin, PublicOrigins } from '../http/public-origins.ts'
import { TrustedPeers } from '../http/trusted-peers.ts'
import type { IdpFailure } from '../idp/idp-errors.ts'
import { addressKey } from '../rate-key.ts'
import { type CookieSpec, loginCookie } from '../session/cookies.ts'
import { openStore } from '../session/open-store.ts'
import { makeSessionReader, type SessionReader } from '../session/session-reader.ts'
import { ringOf } from '../session/sessions.ts'
import { sections } from '../settings/settings.ts'
import { makeFlows } from './flows.ts'
import { failurePage, pageHeaders } from './login-pages.ts'
import { loginResourcesShared } from './login-resources.ts'
import type { LoginParts } from './login-start.ts'
import { isNavigation } from './login-url.ts'

export const loginSections = { ...bridgeSections, cors: sections.cors }

export interface AuthParts extends LoginParts {
  readonly bridge: Bridge
  readonly reader: SessionReader
  readonly loginCookie: CookieSpec
  /** The origin that all of this is for. */
  readonly publicUrl: string
  /** Others whose pages a login may come back to. */
  readonly returnOrigins: ReadonlySet<string>
  /** Names that a login's query may hand on. */
  readonly passParams: readonly string[]
  readonly userinfo: boolean
  /** Of the client, as far as trusted proxies tell; an IPv6 one by its /64. */
  addressOf(x: Exchange): string
}

/** One for each origin. A redirect URI comes from `public_url` or `public_urls`, a request's Host only chooses among them (BCP-1). */
export async function authParts(host: Host<unknown>): Promise<PerOrigin<AuthParts>> {
  const auth = host.section('auth')
  const session = host.section('session')
  const made = await bridge(host)
  const authorizeParams = Object.entries(auth.authorize_params)
  const wanted = loginParams(made.plans)
  const scope = auth.oauth_scopes.join(' ')
  const peers = new TrustedPeers(host.server.trusted_proxies)
  const { issuer, client_id } = auth
  const shared = {
    bridge: made,
    idp: made.idp,
    flows: makeFlows(await openStore(host, session.store), ringOf(session)),
    resources: await host.shared(loginResourcesShared, {
      issuer,
      client_id,
      params: [['scope', scope], ...authorizeParams, ...wanted],
    }),
    log: host.log,
    scope,
    authorizeParams,
    wanted,
    returnOrigins: new Set(host.section('cors').allow_origins),
    passParams: auth.pass_params,
    userinfo: auth.userinfo,
    dpop: auth.dpop,
    addressOf: (x: Exchange) => addressKey(clientAddress(x, peers)),
  }
  const trustedProxies = host.server.trusted_proxies
  return new PublicOrigins(host.server).map((origin) => ({
    ...shared,
    publicUrl: origin,
    redirectUri: `${origin}/auth/callback`,
    reader: makeSessionReader(made.sessions, { origin, trustedProxies }, { auth, session }),
    loginCookie: loginCookie(origin),
  }))
}

/** Asked at a Host that no configured origin has: there is no redirect URI to come back to, and a cookie would be nobody's. */
export function notServedHere(x: Exchange): Reply {
  const detail =
    "Nobody signs in here: the request's Host is none of the origins in server.public_url and server.public_urls. An edge that writes another Host must be in server.trusted_proxies and send X-Forwarded-Host."
  return x.reply(400, 'BAD_REQUEST', { reason: 'unknown_origin', detail })
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
export function refuse(x: Exchange, { publicUrl }: Pick<AuthParts, 'publicUrl'>, refused: Refused): Reply {
  const { code, detail, reason, retry = '/auth/login', goOn } = refused
  const status = code === 'LOGIN_FAILED' ? 400 : 503
  const said = { detail, ...(reason === undefined ? {} : { reason }), ...(status === 503 ? { retryAfter: 1 } : {}) }
  if (!isNavigation(x)) return x.reply(status, code, { ...said, members: { login_url: publicUrl + retry } })
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
    return refuse(x, parts, { code: 'IDP_UNAVAILABLE', detail, retry })
  }
  parts.log[kind === 'misconfigured' ? 'error' : 'warn'](fields, 'login_refused_by_idp')
  const detail =
    details[error ?? ''] ?? 'The identity provider did not complete this login. Try again; the log knows more.'
  return refuse(x, parts, {
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
