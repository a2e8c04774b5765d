import { startBackend, type TestBackend } from './backend.ts'
import { freePort, type RunningBascule, startBascule, type TestLike } from './bascule.ts'
import { profile } from './default-profile.ts'
import { analyticsAudience, crudAudience, type StrictIdp, type StrictIdpOptions, startStrictIdp } from './strict-idp.ts'

export interface Bridge {
  readonly idp: StrictIdp
  readonly analytics: TestBackend
  readonly crud: TestBackend
  readonly bascule: RunningBascule
  /** As the user's browser knows it. */
  readonly origin: string
}

export interface BridgeOptions extends StrictIdpOptions {
  /** More of settings.yaml, and more keys of its `auth`. */
  readonly settings?: string
  readonly auth?: string
  /** More of `service_audiences`, each behind a comma. */
  readonly audiences?: string
  /** Files beside these, or instead of them. */
  readonly files?: (services: Pick<Bridge, 'analytics' | 'crud'>) => Readonly<Record<string, string>>
}

/** The default profile with a strict identity provider and two services that verify, all on free ports of loopback. */
export async function startBridge(t: TestLike, options: BridgeOptions = {}): Promise<Bridge> {
  const idp = await startStrictIdp(options)
  const analytics = await startBackend({ issuer: idp.issuer, audience: analyticsAudience })
  const crud = await startBackend({ issuer: idp.issuer, audience: crudAudience })
  t.teardown(() => Promise.all([idp.close(), analytics.close(), crud.close()]))
  const port = await freePort()
  const bascule = await startBascule(t, bridgeFiles({ idp, analytics, crud, port }, options), { port })
  return { idp, analytics, crud, bascule, origin: `http://localhost:${port}` }
}

interface Peers extends Pick<Bridge, 'idp' | 'analytics' | 'crud'> {
  readonly port: number
}

export function bridgeFiles(
  { idp, analytics, crud, port }: Peers,
  options: BridgeOptions = {},
): Record<string, string> {
  return {
    'settings.yaml': `
server: { port: ${port}, public_url: "http://localhost:${port}" }
auth:
  issuer: "${idp.issuer}"
  client_id: ${idp.clientId}
  client_secret: ${idp.clientSecret}
  oauth_scopes: "openid profile email application.all offline_access"
${options.auth ?? ''}
service_audiences: { analytics_service: "${analyticsAudience}", crud_service: "${crudAudience}"${options.audiences ?? ''} }
service_scopes: { analytics_service: application.all, crud_service: application.all }
${options.settings ?? ''}
`,
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services:
  analytics_service: { base_url: "${analytics.url}" }
  crud_service: { base_url: "${crud.url}" }
routes:
  - { id: analytics, path: "/api/v1/analytics/*", target_service: analytics_service, upstream_path: "/api/v1/analytics/{path}", auth: session }
  - { id: crud, path: "/api/crud/*", target_service: crud_service, upstream_path: "/api/crud/{path}", auth: session }
`,
    ...options.files?.({ analytics, crud }),
  }
}
