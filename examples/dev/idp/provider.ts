import './quiet.ts'
import type { JWK } from 'jose'
import { type AdapterFactory, type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { allScopes, audiencesFor, decide, type Policy } from '../../../plugins/lib/doctor/idp-policy.ts'
import { findAccount } from './accounts.ts'
import { grantAsked, withoutConsentPage } from './implicit-consent.ts'
import { allowOfflineAccess } from './offline-access.ts'
import { renderError, renderLoggedOut, renderLogout } from './pages.ts'

interface ProviderOptions {
  readonly issuer: string
  readonly policy: Policy
  /** The bridge's callbacks. */
  readonly redirectUris: readonly string[]
  readonly postLogoutUris: readonly string[]
  /** For clients that clients.yaml gives none. */
  readonly clientSecret: string
  /** Seconds. */
  readonly accessTokenTtl: number
  readonly store: AdapterFactory
  readonly jwks: { readonly keys: readonly JWK[] }
  readonly cookieKeys: readonly string[]
}

/** One provider for one policy. When the files change a new one takes its place, with the same keys and the same store. */
export function createProvider(options: ProviderOptions): Provider {
  const provider = new Provider(options.issuer, configuration(options))
  provider.use(allowOfflineAccess({ authorize: '/auth', push: '/request' }))
  return provider
}

function configuration(options: ProviderOptions): Configuration {
  const { policy, accessTokenTtl } = options
  return {
    adapter: options.store,
    clients: [...policy.clients].map(([id, client]) => ({
      client_id: id,
      client_secret: client.secret ?? options.clientSecret,
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [...options.redirectUris],
      post_logout_redirect_uris: [...options.postLogoutUris],
      ...(client.scopes === undefined ? {} : { scope: client.scopes.join(' ') }),
    })),
    scopes: [...allScopes(policy)],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    // With a code the ID token carries no profile otherwise, and the page would have no name to greet.
    conformIdTokenClaims: false,
    findAccount,
    loadExistingGrant: grantAsked,
    interactions: { policy: withoutConsentPage(), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    rotateRefreshToken: (ctx) => rotate(ctx, policy),
    jwks: { keys: [...options.jwks.keys] },
    cookies: { keys: [...options.cookieKeys] },
    ttl: {
      ...{ AccessToken: accessTokenTtl, IdToken: 300, Interaction: 900 },
      ...{ RefreshToken: 86_400, Session: 86_400, Grant: 86_400 },
    },
    renderError,
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: renderLogout, postLogoutSuccessSource: renderLoggedOut },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, audience, client) => {
          const decision = decide(policy, client.clientId, audience, grantedScopes(ctx))
          if (decision.kind === 'refuse') throw new errors.InvalidTarget(decision.why)
          const scope = decision.scopes.join(' ')
          return { scope, audience, accessTokenTTL: accessTokenTtl, accessTokenFormat: 'jwt' }
        },
      },
    },
  }
}

function grantedScopes(ctx: KoaContextWithOIDC): Iterable<string> {
  const { RefreshToken, AuthorizationCode } = ctx.oidc.entities
  return (RefreshToken ?? AuthorizationCode)?.scopes ?? String(ctx.oidc.params?.scope ?? '').split(' ')
}

/**
 * Asked before a refresh token is consumed. oidc-provider rotates first and refuses the resource then, which costs the
 * client its refresh token; here the refusal comes first. And the files of today decide, not those of the login: so an
 * audience that is put back can be had without signing in again.
 */
function rotate(ctx: KoaContextWithOIDC, policy: Policy): boolean {
  const { RefreshToken: token, Grant: grant, Client: client } = ctx.oidc.entities
  if (token === undefined || grant === undefined || client === undefined) return true
  for (const audience of [ctx.oidc.params?.resource ?? []].flat()) {
    const decision = decide(policy, client.clientId, String(audience), token.scopes)
    if (decision.kind === 'refuse') throw new errors.InvalidTarget(decision.why)
    grant.addResourceScope(String(audience), decision.scopes.join(' '))
  }
  token.resource = [...audiencesFor(policy, client.clientId, token.scopes)]
  return true
}
