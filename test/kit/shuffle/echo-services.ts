import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a service saw of one request. */
export interface Echo {
  readonly service: string
  /** Its path: each request has one of its own. */
  readonly path: string
  readonly sub: string
  readonly aud: string
  /** `X-Original-User`. */
  readonly user: string
}

export interface EchoServices {
  readonly urls: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** Services that answer with whose token came to them, and for whom. */
export async function startEchoServices(names: readonly string[]): Promise<EchoServices> {
  const servers = names.map((name) => createServer((req, res) => echo(name, req, res)))
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const urls = servers.map((server, n) => [names[n], `http://127.0.0.1:${(server.address() as AddressInfo).port}`])
  return {
    urls: Object.fromEntries(urls),
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections()
        await new Promise((done) => server.close(done))
      }
    },
  }
}

function echo(service: string, req: IncomingMessage, res: ServerResponse): void {
  const [, payload = ''] = (req.headers.authorization ?? '').split('.')
  const { sub = '', aud = '' } = payload === '' ? {} : JSON.parse(Buffer.from(payload, 'base64url').toString())
  const user = String(req.headers['x-original-user'])
  const seen: Echo = { service, path: req.url ?? '', sub, aud: String(aud), user }
  const body = JSON.stringify(seen)
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
}
