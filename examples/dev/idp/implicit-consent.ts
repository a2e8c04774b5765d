import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import { interactionPolicy } from 'oidc-provider'

/** The usual prompts without the page that asks for consent: `grantAsked` answers it. */
export function withoutConsentPage(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  policy.get('consent')?.checks.remove('consent_prompt')
  return policy
}

/**
 * Grants what was asked for, for oidc-provider's `loadExistingGrant`. One grant a login: were it shared, revoking one
 * login's refresh token would end the other login of this browser too.
 */
export async function grantAsked(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { account, client, params, provider, resourceServers } = ctx.oidc
  if (account === undefined || client === undefined) return undefined
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  grant.addOIDCScope(String(params?.scope ?? 'openid'))
  for (const [audience, server] of Object.entries(resourceServers ?? {}))
    grant.addResourceScope(audience, server.scope ?? '')
  await grant.save()
  return grant
}
