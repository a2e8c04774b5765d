// What each identity provider needs to give one audience's token a service: data, with its source. `auth.preset` fills these in where
// settings.yaml is silent; docs/identity-providers.md says what of it was tried.
import type { PluginRef } from '../../../core/index.ts'
import type { TokenCheck } from '../token/token-plan.ts'

interface IdpPreset {
  /** Where the way it works is described. */
  readonly source: string
  readonly mint: PluginRef
  /** Added to the login's scopes, unless `oauth_scopes` is written. */
  readonly scopes?: readonly string[]
  /** The login's scopes, where the provider refuses the usual ones (Cognito knows no offline_access), unless `oauth_scopes` is written. */
  readonly onlyScopes?: readonly string[]
  /** Sent along on authorize, unless `authorize_params` has them. */
  readonly authorizeParams?: Readonly<Record<string, string>>
  /** How tokens are judged, unless `service_tokens` says. */
  readonly check?: Partial<Pick<TokenCheck, 'match' | 'opaque'>>
}

const consent = { prompt: 'consent' }

export const idpPresets = {
  auth0: {
    // Without an audience it knows it answers 200 with the default one: what comes is compared.
    source: 'Auth0, Multi-Resource Refresh Token: refresh grant with audience',
    mint: 'audience',
  },
  authentik: {
    // `resource` is taken and ignored; scope mappings put audiences into the one token.
    source: 'authentik, OAuth2 provider: scope mappings write aud',
    mint: 'login',
  },
  cognito: {
    // A refresh gives what its authorization was bound to; `resource` is taken by essentials and plus user pools, with managed login.
    source: 'Amazon Cognito, resource binding: one resource on authorize, bound to its refresh token',
    mint: { use: 'authorize', with: { by: 'resource' } },
    onlyScopes: ['openid', 'profile', 'email'],
  },
  duende: {
    source: 'Duende IdentityServer, resource isolation: RFC 8707 on authorize and refresh',
    mint: 'resource',
  },
  empowernow: {
    // Every audience that a granted scope maps to, and the client is allowed, stands in the one token.
    source: 'the BFF service authoring guide: scope → audiences ∩ allowed audiences of the client',
    mint: 'login',
    scopes: ['application.all'],
  },
  entra: {
    // One API a request; aud is the API's client id, or its URI in v1 tokens: set expected_audience.
    source: 'Microsoft identity platform: refresh grant with the scopes of one API',
    mint: 'scope',
  },
  glewlwyd: {
    // With one-time refresh tokens a rotation is bound to its last resource, and every other service is denied.
    source: 'Glewlwyd, OIDC plugin: resource on authorize and refresh',
    mint: 'resource',
  },
  keycloak: {
    source: 'Keycloak 26.2, standard token exchange: audience is the client id of the service',
    mint: { use: 'token-exchange', with: { by: 'audience' } },
  },
  logto: {
    // offline_access comes with consent only.
    source: 'Logto, API resources: RFC 8707, offline_access needs prompt=consent',
    mint: 'resource',
    authorizeParams: consent,
  },
  'oidc-provider': {
    source: 'oidc-provider, resourceIndicators: RFC 8707, offline_access needs prompt=consent',
    mint: 'resource',
    authorizeParams: consent,
  },
  okta: {
    source: 'Okta, on-behalf-of token exchange: audience of the authorization server',
    mint: { use: 'token-exchange', with: { by: 'audience' } },
  },
  zitadel: {
    source: 'ZITADEL, token exchange: audience is the id of the project',
    mint: { use: 'token-exchange', with: { by: 'audience' } },
  },
} as const satisfies Readonly<Record<string, IdpPreset>>

export type PresetName = keyof typeof idpPresets
export const presetNames = Object.keys(idpPresets) as [PresetName, ...PresetName[]]

/** Nothing filled in where no preset is named. */
export function presetOf(name: PresetName | null): Partial<IdpPreset> {
  return name === null ? {} : idpPresets[name]
}
