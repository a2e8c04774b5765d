import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const benchPath = '/api/analytics_service/workflows?page=1'
export const benchAudience = 'https://analytics.ocg.labs.empowernow.ai'

interface BridgeConfig {
  readonly port: number
  readonly adminPort: number
  readonly idp: { readonly issuer: string; readonly clientId: string; readonly clientSecret: string }
  /** Access tokens are bound to a key, and each request upstream carries a proof. */
  readonly dpop?: boolean
  /** By name. With an audience its route, `/api/NAME/*`, wants a session; without one it is open. */
  readonly services: Readonly<
    Record<string, { readonly url: string; readonly audience?: string; readonly websocket?: boolean }>
  >
}

/** The default profile as a team would deploy it: nothing is switched off for a measurement. */
export function writeBridgeConfig(
  folder: string,
  { port, adminPort, idp, services, dpop = false }: BridgeConfig,
): void {
  const named = Object.entries(services)
  const withToken = named.flatMap(([name, { audience }]) => (audience === undefined ? [] : [{ name, audience }]))
  mkdirSync(join(folder, 'profiles'), { recursive: true })
  // JSON is YAML: the files need no text templates.
  const write = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value, null, 2))
  write('settings.yaml', {
    profile: 'audience-bridge',
    server: { host: '127.0.0.1', port, admin_port: adminPort, public_url: `http://127.0.0.1:${port}` },
    auth: {
      ...{ issuer: idp.issuer, client_id: idp.clientId, client_secret: idp.clientSecret, mint: 'resource' },
      ...(dpop ? { dpop } : {}),
      oauth_scopes: 'openid profile email application.all offline_access',
    },
    session: { keys: [randomBytes(32).toString('base64')] },
    service_audiences: Object.fromEntries(withToken.map(({ name, audience }) => [name, audience])),
    service_scopes: Object.fromEntries(withToken.map(({ name }) => [name, 'application.all'])),
    log: { level: 'info', format: 'json' },
  })
  write('routes.yaml', {
    services: Object.fromEntries(named.map(([name, { url }]) => [name, { base_url: url }])),
    routes: named.map(([name, { audience, websocket = false }]) => ({
      id: name.replaceAll('_', '-'),
      path: `/api/${name}/*`,
      target_service: name,
      preserve_path: true,
      auth: audience === undefined ? 'none' : 'session',
      websocket,
    })),
  })
  write('profiles/audience-bridge.yaml', {
    stages: ['route-match', 'session-auth', 'token-resolve', 'header-inject', 'forward', 'log'],
  })
}
