// Many users at a small provider that rotates refresh tokens, and services that say whose token came to them.
import { profile } from '../default-profile.ts'
import { type FamilyIdp, startFamilyIdp } from '../families/family-idp.ts'
import { type EchoServices, startEchoServices } from './echo-services.ts'

export const serviceNames = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'] as const
export type ServiceName = (typeof serviceNames)[number]
export const audienceOf = (service: string) => `https://${service}.example`

export interface Crowd {
  readonly idp: FamilyIdp
  /** Config of a bridge between them. */
  files(port: number, adminPort?: number): Readonly<Record<string, string>>
  close(): Promise<void>
}

/** `lifetime` is that of access tokens, in seconds. */
export async function startCrowd(lifetime: number): Promise<Crowd> {
  const issue = (params: URLSearchParams) => ({ aud: params.get('resource') ?? 'none', lifetime, rotate: true })
  const idp = await startFamilyIdp({ login: issue, refresh: issue })
  const services = await startEchoServices(serviceNames)
  return {
    idp,
    files: (port, adminPort) => files(idp.issuer, services, port, adminPort),
    close: async () => void (await Promise.all([idp.close(), services.close()])),
  }
}

function files(issuer: string, { urls }: EchoServices, port: number, adminPort?: number): Record<string, string> {
  const each = (entry: (name: ServiceName) => string) =>
    `{ ${serviceNames.map((name) => `${name}: ${entry(name)}`).join(', ')} }`
  const admin = adminPort === undefined ? '' : `admin_port: ${adminPort}, `
  return {
    'settings.yaml': `
profile: audience-bridge
server: { host: 127.0.0.1, port: ${port}, ${admin}public_url: "http://127.0.0.1:${port}" }
auth: { issuer: "${issuer}", client_id: bff, client_secret: a-secret-of-the-crowd }
service_audiences: ${each((name) => `"${audienceOf(name)}"`)}
log: { level: warn }
`,
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: ${each((name) => `{ base_url: "${urls[name]}" }`)}
routes:
${serviceNames.map((name) => `  - { id: ${name}, path: "/${name}/*", target_service: ${name}, upstream_path: "/{path}" }`).join('\n')}
`,
  }
}
