// The identity provider, one per (issuer, client): shared by login, logout and minters, over reloads.

import { Buffer } from 'node:buffer'
import type { JSONWebKeySet } from 'jose'
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  buildEndSessionUrl,
  type Configuration,
  type DPoPHandle,
  type DPoPOptions,
  fetchUserInfo,
  genericGrantRequest,
  getDPoPHandle,
  type IDToken,
  refreshTokenGrant,
  type ServerMetadata,
  type TokenEndpointResponse,
  tokenIntrospection,
  tokenRevocation,
  type UserInfoResponse,
} from 'openid-client'
import type { Shared } from '../../../core/index.ts'
import { timedIdp } from '../bridge-metrics.ts'
import type { AuthSettings } from '../settings/settings.ts'
import { longestLife } from '../token/audience.ts'
import { type DpopKey, dpopPair } from '../token/dpop.ts'
import type { TokenAnswer, TokenEndpoint } from '../token/minter.ts'
import { checkAccessHash, checkIdToken } from './id-token.ts'
import { Discovery, type IdpSettings } from './idp-discovery.ts'
import { classify, IdpAnswerUnfit } from './idp-errors.ts'
import { fetchKeys } from './idp-keys.ts'

export type { IdpSettings } from './idp-discovery.ts'

export type Params = readonly (readonly [name: string, value: string])[]

/** What the login kept for its callback: the answer must fit all of it. */
interface CodeChecks {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  /** Seconds. */
  readonly maxAge?: number | undefined
  /** The code was asked for with this key (`dpop_jkt`). */
  readonly dpop?: DpopKey | undefined
  /** The access token is for a service: the userinfo endpoint would refuse it. */
  readonly forService?: boolean
}
export interface CodeAnswer extends TokenAnswer {
  readonly idToken: string
  readonly claims: IDToken
  /** ms from now on. */
  readonly refreshLife?: number
  /** As in the metadata and the ID token; `Idp.issuer` is as configured, a final slash may differ. */
  readonly issuer: string
  readonly userinfo?: UserInfoResponse
}

/** Every call may reject with openid-client's errors or a network error: `classify` (idp-errors.ts) says what they mean. */
export interface Idp extends TokenEndpoint {
  readonly issuer: string
  readonly clientId: string
  metadata(): Promise<ServerMetadata>
  /** Where to send the browser; pushed first (RFC 9126) where the IdP offers that, so a refusal may come from here. */
  authorizationUrl(params: Params): Promise<URL>
  /** The same request as it would be without PAR: for probing what the IdP refuses. */
  plainAuthorizationUrl(params: Params): Promise<URL>
  /** `callback`: public_url + path + the query as it came. Checks iss, state, nonce, PKCE and the ID token's signature and claims. */
  codeGrant(callback: URL, checks: CodeChecks, params: Params): Promise<CodeAnswer>
  /** Undefined: the IdP has no end-session endpoint. */
  endSessionUrl(params: Params): Promise<URL | undefined>
  /** RFC 7662. Rejects where the IdP offers none. */
  introspect(token: string): Promise<Readonly<Record<string, unknown>>>
  /** Does nothing where the IdP offers no revocation. */
  revoke(token: string): Promise<void>
  /** The keys it signs with, asked for anew each time. */
  keys(): Promise<JSONWebKeySet>
  /** Lets go of connections of its own, once they are idle. */
  close?(): void
}

export function idpSettings(auth: AuthSettings): IdpSettings {
  const { issuer, client_id, client_secret, client_auth, private_key, private_key_id, client_assertion_audience } = auth
  const { client_cert, client_key, ca } = auth
  const jwt = { private_key, private_key_id, client_assertion_audience }
  return {
    issuer,
    client_id,
    client_secret,
    client_auth,
    ...jwt,
    client_cert,
    client_key,
    ca,
    userinfo: auth.userinfo,
    dpop: auth.dpop,
  }
}

/** Opening asks for the metadata but does not wait: the BFF starts while its IdP is down. */
export const idpShared: Shared<IdpSettings, Idp> = {
  name: 'idp',
  open(settings, host) {
    const discovery = new Discovery(settings)
    const early = discovery.configuration().then(
      () => {},
      (error: unknown) =>
        host.log.warn(
          { issuer: settings.issuer, error: classify(error).words },
          'identity provider not reachable yet; asked again when it is needed',
        ),
    )
    host.background(early)
    return timedIdp(makeIdp(settings, discovery), host.metrics)
  },
  close: (idp) => idp.close?.(),
}

export function makeIdp(settings: IdpSettings, discovery: Discovery = new Discovery(settings)): Idp {
  const query = (params: Params) => new URLSearchParams(params.map(([name, value]) => [name, value]))
  return {
    issuer: settings.issuer,
    clientId: settings.client_id,
    close: () => discovery.close(),
    metadata: async () => (await discovery.configuration()).serverMetadata(),
    async authorizationUrl(params) {
      const configuration = await discovery.configuration()
      const pushed = configuration.serverMetadata().pushed_authorization_request_endpoint !== undefined
      return pushed
        ? buildAuthorizationUrlWithPAR(configuration, query(params))
        : buildAuthorizationUrl(configuration, query(params))
    },
    plainAuthorizationUrl: async (params) => buildAuthorizationUrl(await discovery.configuration(), query(params)),
    async codeGrant(callback, checks, params) {
      const configuration = await discovery.configuration()
      const asked = Date.now()
      const expected = {
        expectedState: checks.state,
        expectedNonce: checks.nonce,
        pkceCodeVerifier: checks.codeVerifier,
        idTokenExpected: true,
        ...(checks.maxAge === undefined ? {} : { maxAge: checks.maxAge }),
      }
      const proof = await proofs(configuration, checks.dpop)
      const answer = await authorizationCodeGrant(configuration, callback, expected, query(params), proof)
      const claims = answer.claims()
      if (claims === undefined || answer.id_token === undefined) throw new Error('the answer has no ID token')
      checkIdToken(claims, settings.client_id, asked)
      checkAccessHash(answer.id_token, claims.at_hash, answer.access_token)
      const userinfo =
        settings.userinfo && checks.forService !== true
          ? await fetchUserInfo(configuration, answer.access_token, claims.sub, proof)
          : undefined
      return {
        ...tokenAnswer(answer, asked, checks.dpop),
        ...refreshLife(answer),
        idToken: answer.id_token,
        claims,
        issuer: claims.iss,
        ...(userinfo && { userinfo }),
      }
    },
    async refresh(refreshToken, params, endpoint, key) {
      const configuration = await discovery.at(endpoint)
      const asked = Date.now()
      const proof = await proofs(configuration, key)
      return tokenAnswer(await refreshTokenGrant(configuration, refreshToken, { ...params }, proof), asked, key)
    },
    async grant(type, params, endpoint, key) {
      const configuration = await discovery.at(endpoint)
      const asked = Date.now()
      const answer = await genericGrantRequest(configuration, type, { ...params }, await proofs(configuration, key))
      const { issued_token_type: issued } = answer
      return { ...tokenAnswer(answer, asked, key), ...(typeof issued === 'string' ? { issuedTokenType: issued } : {}) }
    },
    introspect: async (token) => tokenIntrospection(await discovery.configuration(), token),
    async endSessionUrl(params) {
      const configuration = await discovery.configuration()
      if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined
      return buildEndSessionUrl(configuration, query(params))
    },
    async revoke(token) {
      const configuration = await discovery.configuration()
      if (configuration.serverMetadata().revocation_endpoint !== undefined) await tokenRevocation(configuration, token)
    },
    keys: async () => fetchKeys(await discovery.configuration()),
  }
}

const handles = new WeakMap<Configuration, WeakMap<DpopKey, Promise<DPoPHandle>>>()

/**
 * Kept by key: the nonce that the IdP demanded last is in it. Where it demands another one, the library asks once more; that request was
 * refused before anything was spent (RFC 9449 section 8), so this repeats no redeem.
 */
async function proofs(configuration: Configuration, key: DpopKey | undefined): Promise<DPoPOptions> {
  if (key === undefined) return {}
  const known = handles.get(configuration) ?? new WeakMap<DpopKey, Promise<DPoPHandle>>()
  handles.set(configuration, known)
  const handle = known.get(key) ?? dpopPair(key).then((pair) => getDPoPHandle(configuration, pair))
  known.set(key, handle)
  return { DPoP: await handle }
}

/** Counted from before the request was sent: an answer that took long is not believed to live longer. */
function tokenAnswer(answer: TokenEndpointResponse, asked: number, key: DpopKey | undefined): TokenAnswer {
  // Bound to a key that we do not have, no backend would take it; not bound although that was asked for, anybody could use it.
  const wanted = key === undefined ? 'Bearer' : 'DPoP'
  if (answer.token_type !== wanted.toLowerCase())
    throw new IdpAnswerUnfit(`the identity provider gave a token of the type ${answer.token_type}, not ${wanted}`, {
      cause: { body: answer },
    })
  return {
    accessToken: answer.access_token,
    expiresAt: Math.min(expiry(answer, asked), asked + longestLife),
    ...(answer.refresh_token === undefined ? {} : { refreshToken: answer.refresh_token }),
    ...(answer.scope === undefined ? {} : { scope: answer.scope }),
  }
}

/** No standard has it: Keycloak says refresh_expires_in (0: no end), others refresh_token_expires_in. */
function refreshLife(answer: TokenEndpointResponse): { readonly refreshLife?: number } {
  const seconds = Number(answer.refresh_expires_in ?? answer.refresh_token_expires_in)
  const known = answer.refresh_token !== undefined && Number.isFinite(seconds) && seconds > 0
  return known ? { refreshLife: seconds * 1_000 } : {}
}

function expiry(answer: TokenEndpointResponse, asked: number): number {
  if (answer.expires_in !== undefined) return asked + answer.expires_in * 1000
  const exp = expOf(answer.access_token)
  return exp === undefined ? asked + 60_000 : exp * 1000
}

/** Unverified: the token is the backend's to judge, only its lifetime is read here. */
function expOf(token: string): number | undefined {
  const payload = token.split('.')[1]
  if (payload === undefined) return undefined
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown }
    return typeof claims?.exp === 'number' && Number.isFinite(claims.exp) ? claims.exp : undefined
  } catch {
    return undefined
  }
}
