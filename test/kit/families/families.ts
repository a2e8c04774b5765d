// The habits of identity providers as FIELD reports name them: what each needs in settings.yaml, and how it answers.
import { type Family, type Grant, type Issued, Refuse } from './family-idp.ts'

const names = ['analytics', 'crud', 'reports'] as const
export type ServiceName = (typeof names)[number]

export interface FamilyCase {
  /** Keys of `auth` beside issuer, client_id and client_secret. */
  readonly auth: string
  /** What service_audiences says. */
  readonly audience: (service: ServiceName) => string
  /** What the service finds in `aud`. */
  readonly aud: (service: ServiceName) => string
  readonly scope?: (service: ServiceName) => string
  /** Entry of service_tokens. */
  readonly tokens?: (service: ServiceName) => string
  /** `refresh`, `exchange`, or nothing: the login's token serves. */
  readonly event: 'refresh' | 'exchange' | undefined
  /** An authorization of its own for each service. */
  readonly own?: true
  /** Audiences of services that are not allowed to the client are refused as those that nobody knows. */
  readonly family: (allowed?: readonly ServiceName[]) => Family
}

const uri = (service: ServiceName) => `https://${service}.test`
const uris = (allowed: readonly ServiceName[]) => new Set<string>(allowed.map(uri))
const rotated = (aud: string | readonly string[], more: Partial<Issued> = {}): Issued => ({
  aud,
  rotate: true,
  ...more,
})
const kept = (aud: string | readonly string[], more: Partial<Issued> = {}): Issued => ({ aud, ...more })
const noGrant = (): never => {
  throw new Refuse('invalid_grant')
}

const guid = (service: ServiceName) => `00000000-0000-4000-8000-00000000000${names.indexOf(service)}`
const project = (service: ServiceName) => `28${names.indexOf(service)}000000000000001`
const serviceOf = (scope: string) => names.find((name) => scope === `api://${name}/.default`)

/** RFC 8707 with rotation: one resource a refresh, and only what the login was granted. */
function resources(allowed: readonly ServiceName[], more: Partial<Family> = {}): Family {
  const known = uris(allowed)
  const pick = (params: URLSearchParams, grant: Grant): string => {
    const [wanted = grant.resources[0], second] = params.getAll('resource')
    if (wanted === undefined || second !== undefined || !grant.resources.includes(wanted))
      throw new Refuse('invalid_target')
    return wanted
  }
  return {
    authorize(params) {
      if (params.getAll('resource').some((resource) => !known.has(resource))) throw new Refuse('invalid_target')
    },
    login: (params, grant) => kept(pick(params, grant)),
    refresh: (params, grant) => rotated(pick(params, grant)),
    ...more,
  }
}

/** What a refresh gives is bound to the one resource of the authorization, or of the last rotation. */
function bound(rotate: boolean, allowed: readonly ServiceName[]): Family {
  const known = uris(allowed)
  return {
    authorize(params) {
      const resources = params.getAll('resource')
      if (resources.length > 1 || resources.some((resource) => !known.has(resource))) throw new Refuse('invalid_target')
    },
    login: (_params, grant) => kept(grant.resources[0] ?? 'bff'),
    refresh(params, grant) {
      const wanted = params.get('resource') ?? grant.resources[0]
      if (wanted !== grant.resources[0]) throw new Refuse('invalid_target')
      return rotate ? rotated(wanted ?? 'bff') : kept(wanted ?? 'bff')
    },
  }
}

function exchanging(check: (params: URLSearchParams) => void): Family {
  return {
    login: () => kept('bff'),
    refresh: () => rotated('bff'),
    exchange(params) {
      check(params)
      const audience = params.get('audience') ?? ''
      const scope = params.get('scope')
      const issued_token_type = 'urn:ietf:params:oauth:token-type:access_token'
      return kept(audience, { issued_token_type, ...(scope === null ? {} : { scope }) })
    },
  }
}

const asResource = {
  auth: '  mint: resource',
  audience: uri,
  aud: uri,
  event: 'refresh',
} as const

export const families: Readonly<Record<string, FamilyCase>> = {
  'auth0: an audience it does not know gets the default one, with 200': {
    ...asResource,
    auth: '  preset: auth0',
    family: (allowed = names) => ({
      login: () => kept(['https://default.test', 'https://idp.test/userinfo']),
      refresh(params) {
        const wanted = params.get('audience') ?? ''
        return rotated(uris(allowed).has(wanted) ? wanted : 'https://default.test')
      },
      // Not the 400 of the RFC.
      dead: () => new Refuse('invalid_grant', 403),
    }),
  },
  'entra: one API a request, by its scopes, and a GUID as audience': {
    auth: '  preset: entra',
    audience: (service) => `api://${service}`,
    aud: guid,
    scope: (service) => `api://${service}/.default`,
    tokens: (service) => `{ expected_audience: "${guid(service)}" }`,
    event: 'refresh',
    family: (allowed = names) => ({
      login: () => kept('00000003-0000-0000-c000-000000000000'),
      refresh(params) {
        const apis = new Set((params.get('scope') ?? '').split(' ').map(serviceOf))
        const [api] = apis
        if (apis.size !== 1 || api === undefined) throw new Refuse('invalid_scope')
        // No consent to this API (AADSTS65001).
        if (!allowed.includes(api)) throw new Refuse('invalid_grant', 400, {}, 'consent_required')
        return rotated(guid(api), { scope: `api://${api}/Read` })
      },
    }),
  },
  'keycloak: token exchange to the client id of the service': {
    auth: '  preset: keycloak',
    audience: (service) => `${service}-client`,
    aud: (service) => `${service}-client`,
    event: 'exchange',
    family: (allowed = names) =>
      exchanging((params) => {
        if (!allowed.some((name) => params.get('audience') === `${name}-client`)) throw new Refuse('invalid_client')
      }),
  },
  'okta: token exchange with the scopes of the service': {
    ...asResource,
    auth: '  preset: okta',
    scope: (service) => `${service}.read`,
    event: 'exchange',
    family: (allowed = names) =>
      exchanging((params) => {
        if (!uris(allowed).has(params.get('audience') ?? '')) throw new Refuse('invalid_target')
        if (!names.some((name) => params.get('scope') === `${name}.read`)) throw new Refuse('invalid_scope')
      }),
  },
  'zitadel: token exchange to the id of the project': {
    auth: '  preset: zitadel',
    audience: project,
    aud: project,
    event: 'exchange',
    family: (allowed = names) =>
      exchanging((params) => {
        if (!allowed.some((name) => project(name) === params.get('audience'))) throw new Refuse('invalid_target')
      }),
  },
  'duende: resource isolation': {
    ...asResource,
    auth: '  preset: duende',
    family: (allowed = names) => resources(allowed),
  },
  'logto: resources, offline access by consent': {
    ...asResource,
    auth: '  preset: logto',
    family: (allowed = names) => {
      const base = resources(allowed)
      return {
        ...base,
        authorize(params) {
          base.authorize?.(params)
          if (params.get('prompt') !== 'consent') throw new Refuse('consent_required')
        },
      }
    },
  },
  'oidc-provider: a refused refresh was consumed all the same': {
    ...asResource,
    auth: '  preset: oidc-provider',
    family: (allowed = names) => {
      const base = resources(allowed)
      return {
        ...base,
        refresh(params, grant) {
          try {
            return base.refresh(params, grant)
          } catch (error) {
            grant.refresh = undefined
            throw error
          }
        },
      }
    },
  },
  'glewlwyd: a dead token is answered with an empty 400': {
    ...asResource,
    auth: '  preset: glewlwyd',
    family: (allowed = names) => resources(allowed, { dead: () => new Refuse('') }),
  },
  'glewlwyd with one-time refresh tokens: each grant is good for one resource': {
    ...asResource,
    auth: '  preset: glewlwyd\n  mint: authorize',
    event: undefined,
    own: true,
    family: (allowed = names) => ({ ...bound(true, allowed), dead: () => new Refuse('') }),
  },
  'cognito: one resource an authorization, and a refresh token that stays': {
    ...asResource,
    auth: '  preset: cognito',
    event: undefined,
    own: true,
    family: (allowed = names) => {
      const base = bound(false, allowed)
      return {
        ...base,
        authorize(params) {
          base.authorize?.(params)
          if (params.get('scope')?.includes('offline_access')) throw new Refuse('invalid_scope')
        },
      }
    },
  },
  'authentik: resource is ignored, one token for all': {
    ...asResource,
    auth: '  preset: authentik',
    event: undefined,
    family: (allowed = names) => ({
      login: () => kept([...uris(allowed)]),
      refresh: () => rotated([...uris(allowed)]),
    }),
  },
  'empowernow: every audience of a granted scope that the client is allowed, in one token': {
    ...asResource,
    auth: '  preset: empowernow',
    scope: () => 'application.all',
    event: undefined,
    family: (allowed = names) => {
      const mapped = (grant: Grant) => (grant.scopes.includes('application.all') ? [...uris(allowed)] : noGrant())
      return { login: (_params, grant) => kept(mapped(grant)), refresh: (_params, grant) => rotated(mapped(grant)) }
    },
  },
}
