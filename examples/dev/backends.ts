// The two sample services and the sample page as one program: examples/dev/main.ts starts it.
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { analytics } from './backends/analytics.ts'
import { createCrud } from './backends/crud.ts'
import { createService } from './backends/service.ts'
import { createSpa } from './backends/spa.ts'
import { endWithParent, fail, ready } from './processes/child.ts'

const { values } = parseArgs({
  options: {
    issuer: { type: 'string', default: 'http://localhost:8090' },
    'analytics-port': { type: 'string', default: '8100' },
    'crud-port': { type: 'string', default: '8101' },
    'spa-port': { type: 'string', default: '8102' },
    child: { type: 'boolean', default: false },
  },
})
const { issuer } = values

const servers: readonly (readonly [Server, string])[] = [
  [
    createService({
      issuer,
      audience: 'https://analytics.ocg.labs.empowernow.ai',
      prefix: '/api/v1/analytics',
      answer: analytics,
    }),
    values['analytics-port'],
  ],
  [
    createService({
      issuer,
      audience: 'https://crud.ocg.labs.empowernow.ai',
      prefix: '/api/crud',
      answer: createCrud(),
    }),
    values['crud-port'],
  ],
  [createSpa(), values['spa-port']],
]

try {
  const urls: string[] = []
  for (const [server, port] of servers) {
    server.listen(Number(port), '127.0.0.1')
    await once(server, 'listening')
    // Longer than the bridge keeps idle connections, or its next request meets a connection that is just closing.
    server.keepAliveTimeout = 60_000
    urls.push(`http://localhost:${(server.address() as AddressInfo).port}`)
  }
  ready(...urls)
  endWithParent(values.child, async () => {
    for (const [server] of servers) {
      server.close()
      server.closeAllConnections()
    }
  })
} catch (error) {
  fail(error)
}
