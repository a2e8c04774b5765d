import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const benchPath = '/api/v1/analytics/workflows?page=1'
export const benchAudience = 'https://analytics.ocg.labs.empowernow.ai'

/** The default profile with one service, as a team would deploy it: nothing is switched off for the measurement. */
export function writeBridgeConfig(
  folder: string,
  ports: { readonly bridge: number; readonly admin: number; readonly upstream: number },
  idp: { readonly issuer: string; readonly clientId: string; readonly clientSecret: string },
): void {
  mkdirSync(join(folder, 'profiles'), { recursive: true })
  const write = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value, null, 2))
  // JSON is YAML; the files need no text templates.
  write('settings.yaml', {
    profile: 'audience-bridge',
    server: {
      host: '127.0.0.1',
      port: ports.bridge,
      admin_port: ports.admin,
      public_url: `http://127.0.0.1:${ports.bridge}`,
    },
    auth: { issuer: idp.issuer, client_id: idp.clientId, client_secret: idp.clientSecret, mint: 'resource' },
    session: { keys: [randomBytes(32).toString('base64')] },
    service_audiences: { analytics_service: benchAudience },
    service_scopes: { analytics_service: 'application.all' },
    log: { level: 'info', format: 'json' },
  })
  write('routes.yaml', {
    services: { analytics_service: { base_url: `http://127.0.0.1:${ports.upstream}` } },
    routes: [
      {
        id: 'api-analytics',
        path: '/api/v1/analytics/*',
        target_service: 'analytics_service',
        upstream_path: '/api/v1/analytics/{path}',
        auth: 'session',
      },
    ],
  })
  write('profiles/audience-bridge.yaml', {
    stages: ['route-match', 'session-auth', 'token-resolve', 'header-inject', 'forward', 'log'],
  })
}
