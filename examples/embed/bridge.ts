// The bridge of this program: the default profile and one stage of its own. In an app of yours the two imports are 'bascule' and
// 'bascule/stages'.
import { type Bascule, createBascule, defineStage } from '../../core/index.ts'
import { forward, headerInject, log, routeMatch, sessionAuth, tokenResolve } from '../../plugins/index.ts'

export interface BridgeSettings {
  readonly publicUrl: string
  readonly issuer: string
  readonly clientSecret: string
  readonly analyticsUrl: string
  readonly crudUrl: string
}

/** What the rest of the program and a stage have in common is closed over; it needs no global and no config file. */
interface Switch {
  readonly on: boolean
}

export function createBridge(settings: BridgeSettings, maintenance: Switch): Bascule {
  const pause = defineStage({
    name: 'pause',
    needs: ['route'],
    setup: () => () => ({
      run: (x) =>
        maintenance.on && x.method !== 'GET' && x.method !== 'HEAD'
          ? x.reply(503, 'MAINTENANCE', { detail: 'Nothing can be changed just now.', retryAfter: 60 })
          : x.proceed(),
    }),
  })
  return createBascule({
    stages: [routeMatch, pause, sessionAuth, tokenResolve, headerInject, forward, log],
    services: {
      analytics_service: { base_url: settings.analyticsUrl },
      crud_service: { base_url: settings.crudUrl, timeout: '10s' },
    },
    routes: [
      {
        id: 'api-analytics',
        path: '/api/v1/analytics/*',
        target_service: 'analytics_service',
        upstream_path: '/api/v1/analytics/{path}',
      },
      { id: 'api-crud', path: '/api/crud/*', target_service: 'crud_service', upstream_path: '/api/crud/{path}' },
    ],
    settings: {
      auth: {
        issuer: settings.issuer,
        client_id: 'bff-server',
        client_secret: settings.clientSecret,
        oauth_scopes: 'openid profile email application.all offline_access',
      },
      service_audiences: {
        analytics_service: 'https://analytics.ocg.labs.empowernow.ai',
        crud_service: 'https://crud.ocg.labs.empowernow.ai',
      },
      service_scopes: { analytics_service: 'application.all', crud_service: 'application.all' },
    },
    server: { public_url: settings.publicUrl },
  })
}
