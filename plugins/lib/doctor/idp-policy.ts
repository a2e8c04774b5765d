/** Which audiences may be had: what config/idp/settings.yaml and clients.yaml say, in one place. */
export interface Policy {
  /** scope → audiences, in the file's order. */
  readonly mappings: readonly { readonly scope: string; readonly audiences: readonly string[] }[]
  readonly clients: ReadonlyMap<string, ClientPolicy>
}

interface ClientPolicy {
  /** Undefined: every scope there is. */
  readonly scopes: readonly string[] | undefined
  readonly allowedAudiences: readonly string[]
  /** Undefined: the one given at start. */
  readonly secret: string | undefined
  /** Undefined: the file does not say. */
  readonly redirectUris?: readonly string[] | undefined
}

export type Decision =
  | { readonly kind: 'issue'; readonly scopes: readonly string[] }
  /** `why` names the file to change. */
  | { readonly kind: 'refuse'; readonly why: string }

const identityScopes = ['openid', 'profile', 'email', 'offline_access']

/** A granted scope must map to the audience, and the client must be allowed it. */
export function decide(policy: Policy, client: string, audience: string, granted: Iterable<string>): Decision {
  const has = new Set(granted)
  const mapped = policy.mappings.filter(({ audiences }) => audiences.includes(audience)).map(({ scope }) => scope)
  const scopes = mapped.filter((scope) => has.has(scope))
  if (mapped.length === 0)
    return {
      kind: 'refuse',
      why: `no scope maps to ${audience} in settings.yaml (token.audience_mappings.scope_mappings)`,
    }
  if (scopes.length === 0)
    return { kind: 'refuse', why: `${audience} needs the scope ${mapped.join(' or ')}, which was not granted` }
  if (!policy.clients.get(client)?.allowedAudiences.includes(audience))
    return {
      kind: 'refuse',
      why: `${client} may not have ${audience}: it is not in its allowed_audiences in clients.yaml`,
    }
  return { kind: 'issue', scopes }
}

/** Everything this client would get today with these scopes. An audience that is no URI cannot be a resource (RFC 8707). */
export function audiencesFor(policy: Policy, client: string, granted: Iterable<string>): readonly string[] {
  const scopes = [...granted]
  const all = new Set(policy.mappings.flatMap(({ audiences }) => audiences))
  return [...all].filter(
    (audience) => URL.canParse(audience) && decide(policy, client, audience, scopes).kind === 'issue',
  )
}

export function allScopes(policy: Policy): readonly string[] {
  const named = [...policy.clients.values()].flatMap(({ scopes }) => scopes ?? [])
  return [...new Set([...identityScopes, ...policy.mappings.map(({ scope }) => scope), ...named])]
}
