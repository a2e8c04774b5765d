// A node:http server with routes of its own, in which the bridge takes /api and /auth.
import { once } from 'node:events'
import { createServer } from 'node:http'
import process from 'node:process'
import { createBridge } from './bridge.ts'

const { env } = process
const port = Number(env.PORT ?? 3000)
const publicUrl = `http://localhost:${port}`
const maintenance = { on: false }

const bridge = createBridge(
  {
    publicUrl,
    issuer: env.ISSUER ?? 'http://localhost:8090',
    clientSecret: env.BFF_CLIENT_SECRET ?? 'bascule-dev-client-secret',
    analyticsUrl: env.ANALYTICS_URL ?? 'http://localhost:8100',
    crudUrl: env.CRUD_URL ?? 'http://localhost:8101',
  },
  maintenance,
)

const server = createServer((req, res) => {
  const path = req.url?.split('?', 1)[0] ?? '/'
  if (/^\/(api|auth)\//.test(path)) return bridge.handler(req, res)
  if (path === '/') {
    return res
      .setHeader('Content-Type', 'text/html; charset=utf-8')
      .end('<a href="/auth/login">Sign in</a> and look at <a href="/api/v1/analytics/workflows">the workflows</a>')
  }
  if (path === '/maintenance' && req.method === 'PUT') {
    maintenance.on = !maintenance.on
    return res.end(`maintenance is ${maintenance.on ? 'on' : 'off'}\n`)
  }
  res.writeHead(404).end('not here\n')
})

await bridge.ready
server.listen(port, '127.0.0.1')
await once(server, 'listening')
console.log(`listening on ${publicUrl}`)

process.once('SIGTERM', stop).once('SIGINT', stop)

async function stop(): Promise<void> {
  server.close()
  await bridge.close()
  server.closeAllConnections()
}
