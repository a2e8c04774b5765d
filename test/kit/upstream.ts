import http, { type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestLike } from './bascule.ts'

export interface Upstream {
  readonly url: string
  readonly server: Server
  /** Every request that arrived. */
  readonly requests: readonly IncomingMessage[]
}

/** A backend that does what the test says, on a free port; closed when the test ends. `keep: false`: requests are not kept. */
export async function startUpstream(t: TestLike, handler: RequestListener, { keep = true } = {}): Promise<Upstream> {
  const requests: IncomingMessage[] = []
  const server = http.createServer((req, res) => {
    if (keep) requests.push(req)
    handler(req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, requests }
}
