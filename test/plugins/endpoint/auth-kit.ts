// A bridge with a strict provider and two backends, for tests of what stands under /auth.

import { startBackend, type TestBackend } from '../../kit/backend.ts'
import { freePort, type RunningBascule, startBascule, type TestLike } from '../../kit/bascule.ts'
import { type LoginOptions, loginByFetch } from '../../kit/login.ts'
import {
  analyticsAudience,
  crudAudience,
  type StrictIdp,
  type StrictIdpOptions,
  startStrictIdp,
} from '../../kit/strict-idp.ts'

interface AuthKit {
  readonly url: string
  readonly bff: RunningBascule
  readonly idp: StrictIdp
  readonly analytics: TestBackend
  readonly crud: TestBackend
  login(options?: LoginOptions): ReturnType<typeof loginByFetch>
}

interface AuthKitOptions {
  readonly idp?: StrictIdpOptions
  /** Instead of the client's secret. */
  readonly credentials?: string
  /** Instead of the analytics backend. */
  readonly analyticsUrl?: string
  /** More lines under `auth:` and `session:`, and a route's. */
  readonly auth?: string
  readonly session?: string
  readonly analyticsRoute?: string
}

export async function startAuth(t: TestLike, options: AuthKitOptions = {}): Promise<AuthKit> {
  const idp = await startStrictIdp(options.idp)
  const { issuer } = idp
  const analytics = await startBackend({ issuer, audience: analyticsAudience })
  const crud = await startBackend({ issuer, audience: crudAudience })
  t.teardown(() => Promise.all([idp.close(), analytics.close(), crud.close()]))
  const port = await freePort()
  const bff = await startBascule(t, files(`http://127.0.0.1:${port}`, idp, { analytics, crud }, options), { port })
  return { url: bff.url, bff, idp, analytics, crud, login: (how) => loginByFetch(bff.url, how) }
}

function files(
  publicUrl: string,
  idp: StrictIdp,
  backends: Record<'analytics' | 'crud', TestBackend>,
  o: AuthKitOptions,
) {
  return {
    'settings.yaml': `profile: p
server: { public_url: "${publicUrl}" }
auth:
  issuer: "${idp.issuer}"
  client_id: ${idp.clientId}
  ${o.credentials ?? `client_secret: "${idp.clientSecret}"`}
  oauth_scopes: "openid profile email application.all offline_access"
${o.auth ?? ''}
service_audiences: { analytics_service: "${analyticsAudience}", crud_service: "${crudAudience}" }
service_scopes: { analytics_service: application.all, crud_service: application.all }
${o.session ?? ''}
`,
    'routes.yaml': `services:
  analytics_service: { base_url: "${o.analyticsUrl ?? backends.analytics.url}" }
  crud_service: { base_url: "${backends.crud.url}" }
routes:
  - { id: api-analytics, path: "/api/v1/analytics/*", target_service: analytics_service, upstream_path: "/api/v1/analytics/{path}", auth: session ${o.analyticsRoute ?? ''} }
  - { id: api-crud, path: "/api/crud/*", target_service: crud_service, upstream_path: "/api/crud/{path}", auth: session }
`,
    'profiles/p.yaml': 'stages: [route-match, session-auth, token-resolve, header-inject, forward]\n',
  }
}
