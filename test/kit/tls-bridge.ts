import { cert, key } from './certs.ts'
import { profile, settings } from './default-profile.ts'

/** A bridge that speaks TLS in front of one service, on public routes. */
export function tlsBridge(
  baseUrl: string,
  { tls = '', server = '', service = '', route = '' } = {},
): Record<string, string> {
  return {
    'settings.yaml': settings(`
server: { port: 0, tls: { cert: "file:tls/server.crt", key: "file:tls/server.key"${tls} }${server} }
`),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services:
  api: { base_url: "${baseUrl}"${service} }
routes:
  - { id: api, path: "/*", target_service: api, preserve_path: true, auth: none${route} }
`,
    'tls/server.crt': cert('server'),
    'tls/server.key': key('server'),
  }
}
