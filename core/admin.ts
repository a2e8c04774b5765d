import http, { type Server } from 'node:http'

/** Liveness, readiness: for orchestrators and people, on a listener of its own, so that no header or path of the public one reaches it. */
export function createAdmin(ready: () => boolean, generation: () => number): Server {
  return http.createServer((req, res) => {
    const path = (req.url ?? '').split('?', 1)[0]
    if (path !== '/healthz' && path !== '/readyz') return answer(404, { code: 'ROUTE_NOT_FOUND' })
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD')
      return answer(405, { code: 'METHOD_NOT_ALLOWED' })
    }
    if (path === '/healthz') return answer(200, { status: 'ok' })
    return ready()
      ? answer(200, { status: 'ready', generation: generation() })
      : answer(503, { status: 'draining', code: 'DRAINING' })

    function answer(status: number, body: object): void {
      res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
      res.end(`${JSON.stringify(body)}\n`)
    }
  })
}
