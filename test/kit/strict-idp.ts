import '../../examples/dev/idp/quiet.ts'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { findAccount } from '../../examples/dev/idp/accounts.ts'
import { grantAsked, withoutConsentPage } from '../../examples/dev/idp/implicit-consent.ts'
import { allowOfflineAccess } from '../../examples/dev/idp/offline-access.ts'
import { signingKey } from '../../examples/dev/idp/signing-key.ts'

export const analyticsAudience = 'https://analytics.ocg.labs.empowernow.ai'
export const crudAudience = 'https://crud.ocg.labs.empowernow.ai'

export interface StrictIdpOptions {
  /** Seconds. */
  readonly accessTokenTtl?: number
  /** Audience → the scopes it knows. What is not listed is `invalid_target`, which refuses the whole authorization. */
  readonly resources?: Readonly<Record<string, string>>
  /** Every redeem gives a new refresh token, and an old one that comes again revokes the grant. */
  readonly rotate?: boolean
  /** Pushed authorization requests are offered. */
  readonly par?: boolean
  readonly clientId?: string
  readonly clientSecret?: string
  readonly clientAuth?: 'client_secret_post' | 'client_secret_basic'
  /** All scopes there are. */
  readonly scopes?: readonly string[]
  /** Signs in whoever `login_hint` names, else this one. */
  readonly user?: string
}

export interface StrictIdpCounts {
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
  /** May be changed while it runs. */
  readonly resources: Map<string, string>
  /** For faults: hang, 503, an empty 400. Set to undefined to let all through. */
  intercept: Intercept | undefined
  close(): Promise<void>
}

/** A second real provider, as strict as they come: rotation with reuse detection, short tokens, resources by list. */
export async function startStrictIdp(options: StrictIdpOptions = {}): Promise<StrictIdp> {
  const server = createServer()
  const issuer = await listen(server)
  const resources = new Map(Object.entries(options.resources ?? defaultResources))
  const { clientId = 'bff-server', clientSecret = 'strict-idp-client-secret' } = options
  const provider = new Provider(issuer, await configuration({ ...options, clientId, clientSecret }, resources))
  provider.use(allowOfflineAccess({ authorize: '/auth', push: '/request' }))
  // The bridge's port is not known when the provider starts: any loopback callback is as good as registered.
  provider.Client.prototype.redirectUriAllowed = isLoopback
  provider.Client.prototype.postLogoutRedirectUriAllowed = isLoopback
  const { counts, events } = record(provider)

  const idp: StrictIdp = {
    ...{ issuer, clientId, clientSecret, counts, events, resources, intercept: undefined },
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
): Promise<Configuration> {
  const { accessTokenTtl = 5, rotate = true, par = true, scopes = defaultScopes, clientId, clientSecret } = options
  return {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        token_endpoint_auth_method: options.clientAuth ?? 'client_secret_post',
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
    jwks: { keys: [await signingKey()] },
    cookies: { keys: [crypto.randomUUID()] },
    ttl: {
      AccessToken: accessTokenTtl,
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
      pushedAuthorizationRequests: { enabled: par },
      rpInitiatedLogout: { enabled: true, logoutSource: confirmByForm },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, audience) => resourceServer(audience, resources.get(audience), accessTokenTtl),
      },
    },
  }
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

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
