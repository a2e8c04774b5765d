import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Bridge, startBridge } from './bridge.ts'
import type { StrictIdpOptions } from './strict-idp.ts'
import { type SocketService, startSocketService, type TestLike } from './websocket.ts'

export interface LiveBridge extends Bridge {
  readonly service: SocketService
}

interface LiveOptions extends StrictIdpOptions {
  readonly settings?: string
  /** Plain requests to the service. */
  readonly answer?: (req: IncomingMessage, res: ServerResponse) => void
  readonly routes?: string
}

const liveRoutes = `
  - { id: live, path: "/live/*", target_service: crud_service, upstream_path: "/{path}", websocket: true, streaming: true }
  - { id: open, path: "/open/*", target_service: crud_service, upstream_path: "/{path}", auth: none, websocket: true, streaming: true }
`

/** The default profile with a strict identity provider, and a service that speaks WebSocket and whatever `answer` says. */
export async function startLiveBridge(t: TestLike, options: LiveOptions = {}): Promise<LiveBridge> {
  const service = await startSocketService(t)
  const { answer } = options
  if (answer) {
    service.http.removeAllListeners('request')
    service.http.on('request', answer)
  }
  const bridge = await startBridge(t, {
    ...options,
    files: () => ({ 'routes.yaml': routesOf(service.url, options.routes) }),
  })
  return { ...bridge, service }
}

export function routesOf(url: string, routes = liveRoutes): string {
  return `
services: { crud_service: { base_url: "${url}" }, analytics_service: { base_url: "${url}" } }
routes:
${routes}`
}
