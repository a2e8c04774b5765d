import '../../examples/dev/idp/quiet.ts'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type Configuration, errors, type JWK, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { findAccount } from '../../examples/dev/idp/accounts.ts'
import { grantAsked, withoutConsentPage } from '../../examples/dev/idp/implicit-consent.ts'
import { allowOfflineAccess } from '../../examples/dev/idp/offline-access.ts'
import { signingKey } from '../../examples/dev/idp/signing-key.ts'

export const analyticsAudience = 'https://analytics.ocg.labs.empowernow.ai'
export const crudAudience = 'https://crud.ocg.labs.empowernow.ai'

export interface StrictIdpOptions {
  /** Seconds; `StrictIdp.accessTokenTtl` changes it while it runs. */
  readonly accessTokenTtl?: number
  /** Audience → the scopes it knows. What is not listed is `invalid_target`, which refuses the whole authorization. */
  readonly resources?: Readonly<Record<string, string>>
  /** Every redeem gives a new refresh token, and an old one that comes again revokes the grant. */
  readonly rotate?: boolean
  /** Pushed authorization requests are offered. */
  readonly par?: boolean
  readonly clientId?: string
  readonly clientSecret?: string
  readonly clientAuth?:
    | 'client_secret_post'
    | 'client_secret_basic'
    | 'private_key_jwt'
    | 'tls_client_auth'
    | 'self_signed_tls_client_auth'
  /** The client's public keys, for private_key_jwt and self_signed_tls_client_auth; and the algorithms taken from it. */
  readonly clientKeys?: readonly object[]
  readonly assertionAlgs?: readonly string[]
  /** Nothing but pushed requests is taken, no access token without a DPoP key, every proof needs a nonce of the last minutes. */
  readonly strictest?: boolean
  /** False: knows nothing of DPoP. */
  readonly dpop?: boolean
  /** Access tokens are bound to the certificate that the client shows. */
  readonly certificateBound?: boolean
  /** Speaks https, and asks for client certificates. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string }
  /** All scopes there are. */
  readonly scopes?: readonly string[]
  /** Signs in whoever `login_hint` names, else this one. */
  readonly user?: string
}

interface StrictIdpCounts {
  authorize: number
  code: number
  /** Successful redeems of a refresh token. */
  refresh: number
  /** A refresh token that came a second time: each one is a user logged out. */
  reuse: number
  revoked: number
  invalidTarget: number
  /** All requests to the token endpoint. */
  token: number
}

/** Looks at a request before the provider does. True: it has answered, or will. */
export type Intercept = (req: IncomingMessage, res: ServerResponse) => boolean | Promise<boolean>

export interface StrictIdp extends AsyncDisposable {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly counts: StrictIdpCounts
  /** One word an event, in order: `authorize`, `code`, `refresh`, `reuse`, `revoked`, `invalid_target`, other error codes. */
  readonly events: readonly string[]
  /** Forms that were posted to it, as it read them. */
  readonly posts: readonly { readonly path: string; readonly form: Readonly<Record<string, unknown>> }[]
  /** May be changed while it runs. */
  readonly resources: Map<string, string>
  /** Of access tokens from now on, in seconds. */
  accessTokenTtl: number
  /** For faults: hang, 503, an empty 400. Set to undefined to let all through. */
  intercept: Intercept | undefined
  close(): Promise<void>
}

/** A second real provider, as strict as they come: rotation with reuse detection, short tokens, resources by list. */
export async function startStrictIdp(options: StrictIdpOptions = {}): Promise<StrictIdp> {
  const server = options.tls === undefined ? createServer() : createTlsServer(tlsOf(options.tls))
  const issuer = await listen(server, options.tls === undefined ? 'http' : 'https')
  const resources = new Map(Object.entries(options.resources ?? defaultResources))
  const { clientId = 'bff-server', clientSecret = 'strict-idp-client-secret', accessTokenTtl = 5 } = options
  const ttl = () => idp.accessTokenTtl
  const provider = new Provider(issuer, await configuration({ ...options, clientId, clientSecret }, resources, ttl))
  provider.use(allowOfflineAccess({ authorize: '/auth', push: '/request' }))
  // The bridge's port is not known when the provider starts: any loopback callback is as good as registered.
  provider.Client.prototype.redirectUriAllowed = isLoopback
  provider.Client.prototype.postLogoutRedirectUriAllowed = isLoopback
  const { counts, events } = record(provider)
  const posts: StrictIdp['posts'][number][] = []
  provider.use(async (ctx, next) => {
    await next()
    const form = ctx.oidc?.body
    if (ctx.method === 'POST' && form !== undefined) posts.push({ path: ctx.path, form })
  })

  const idp: StrictIdp = {
    ...{ issuer, clientId, clientSecret, counts, events, posts, resources, accessTokenTtl, intercept: undefined },
    close: () => close(server),
    [Symbol.asyncDispose]: () => close(server),
  }
  const handle = provider.callback()
  server.on('request', async (req, res) => {
    if (req.url === '/token') counts.token += 1
    if (await idp.intercept?.(req, res)) return
    if (req.url?.startsWith('/interaction/')) await finishLogin(provider, req, res, options.user ?? 'ada')
    else await handle(req, res)
  })
  return idp
}

const defaultResources = { [analyticsAudience]: 'application.all', [crudAudience]: 'application.all' }
const defaultScopes = ['openid', 'profile', 'email', 'offline_access', 'application.all']

async function configuration(
  options: StrictIdpOptions & { readonly clientId: string; readonly clientSecret: string },
  resources: ReadonlyMap<string, string>,
  ttl: () => number,
): Promise<Configuration> {
  const { strictest = false, assertionAlgs } = options
  const { rotate = true, par = true, scopes = defaultScopes, clientId, clientSecret } = options
  return {
    clients: [
      {
        client_id: clientId,
        ...credentials(options, clientSecret),
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: ['http://127.0.0.1/auth/callback'],
      },
    ],
    scopes: [...scopes],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount,
    loadExistingGrant: grantAsked,
    interactions: { policy: withoutConsentPage() },
    rotateRefreshToken: rotate,
    ...(options.tls === undefined ? {} : { clientAuthMethods: [options.clientAuth ?? 'client_secret_post'] }),
    ...(assertionAlgs === undefined
      ? {}
      : { enabledJWA: { clientAuthSigningAlgValues: assertionAlgs } as Configuration['enabledJWA'] }),
    jwks: { keys: [await signingKey()] },
    cookies: { keys: [crypto.randomUUID()] },
    ttl: {
      AccessToken: ttl,
      IdToken: 300,
      RefreshToken: 3600,
      Session: 3600,
      Grant: 3600,
      Interaction: 300,
    },
    renderError: (ctx, out) => {
      ctx.type = 'json'
      ctx.body = out
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      pushedAuthorizationRequests: { enabled: par || strictest, requirePushedAuthorizationRequests: strictest },
      ...(strictest ? { dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true } } : {}),
      ...(options.dpop === false ? { dPoP: { enabled: false } } : {}),
      ...(options.tls === undefined ? {} : { mTLS: mutualTls }),
      rpInitiatedLogout: { enabled: true, logoutSource: confirmByForm },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, audience) => resourceServer(audience, resources.get(audience), ttl()),
      },
    },
  }
}

function credentials(options: StrictIdpOptions, client_secret: string) {
  const { clientAuth = 'client_secret_post', clientKeys, strictest = false } = options
  const bound = {
    ...(strictest ? { dpop_bound_access_tokens: true } : {}),
    ...(options.certificateBound ? { tls_client_certificate_bound_access_tokens: true } : {}),
  }
  const jwks = clientKeys === undefined ? {} : { jwks: { keys: clientKeys as JWK[] } }
  const secret = clientAuth.startsWith('client_secret') ? { client_secret } : {}
  const subject = clientAuth === 'tls_client_auth' ? { tls_client_auth_subject_dn: 'CN=client' } : {}
  return { token_endpoint_auth_method: clientAuth, ...secret, ...jwks, ...subject, ...bound }
}

function peer(ctx: KoaContextWithOIDC): TLSSocket | undefined {
  return ctx.socket instanceof TLSSocket ? ctx.socket : undefined
}

const mutualTls = {
  enabled: true,
  certificateBoundAccessTokens: true,
  selfSignedTlsClientAuth: true,
  tlsClientAuth: true,
  getCertificate: (ctx: KoaContextWithOIDC) => peer(ctx)?.getPeerX509Certificate(),
  certificateAuthorized: (ctx: KoaContextWithOIDC) => peer(ctx)?.authorized === true,
  certificateSubjectMatches: (ctx: KoaContextWithOIDC, _property: string, expected: string) =>
    peer(ctx)?.getPeerX509Certificate()?.subject === expected,
}

function resourceServer(audience: string, scope: string | undefined, accessTokenTTL: number) {
  if (scope === undefined) throw new errors.InvalidTarget(`${audience} is not known here`)
  return { scope, audience, accessTokenTTL, accessTokenFormat: 'jwt' as const }
}

function confirmByForm(ctx: KoaContextWithOIDC, form: string): void {
  ctx.body = form.replace('</form>', '<button name="logout" value="yes">Log out</button></form>')
}

async function finishLogin(provider: Provider, req: IncomingMessage, res: ServerResponse, user: string) {
  const { params } = await provider.interactionDetails(req, res)
  const accountId = typeof params.login_hint === 'string' ? params.login_hint : user
  await provider.interactionFinished(req, res, { login: { accountId } })
}

function record(provider: Provider) {
  const events: string[] = []
  const counts: StrictIdpCounts = {
    authorize: 0,
    code: 0,
    refresh: 0,
    reuse: 0,
    revoked: 0,
    invalidTarget: 0,
    token: 0,
  }
  const count = (name: keyof StrictIdpCounts, event: string) => {
    counts[name] += 1
    events.push(event)
  }
  const refused = (_ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
    if (error.error_detail === 'refresh token already used') count('reuse', 'reuse')
    else if (error.error === 'invalid_target') count('invalidTarget', 'invalid_target')
    else events.push(error.error)
  }
  provider.on('authorization.success', () => count('authorize', 'authorize'))
  provider.on('grant.success', (ctx) =>
    ctx.oidc.params?.grant_type === 'refresh_token' ? count('refresh', 'refresh') : count('code', 'code'),
  )
  provider.on('grant.revoked', () => count('revoked', 'revoked'))
  provider.on('grant.error', refused)
  provider.on('authorization.error', refused)
  provider.on('pushed_authorization_request.error', refused)
  return { counts, events }
}

function isLoopback(uri: string): boolean {
  return URL.canParse(uri) && ['127.0.0.1', 'localhost'].includes(new URL(uri).hostname)
}

function tlsOf({ key, cert, ca }: { readonly key: string; readonly cert: string; readonly ca?: string }) {
  // Whether a certificate is good is the provider's to say: a self-signed one is as good as its registration.
  return { key, cert, ca, requestCert: true, rejectUnauthorized: false }
}

async function listen(server: Server, scheme: string): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
