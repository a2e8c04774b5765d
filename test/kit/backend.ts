import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWTPayload } from 'jose'
import { createVerifier } from '../../examples/dev/backends/verify.ts'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
  /** Undefined: refused. */
  readonly claims: JWTPayload | undefined
}

export interface TestBackend extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly SeenRequest[]
  close(): Promise<void>
}

/** A service that trusts nobody: 200 with what it verified, or 401 with why not. */
export async function startBackend(options: {
  readonly issuer: string
  readonly audience: string
  /** False: other audiences may stand beside it. */
  readonly alone?: boolean
}): Promise<TestBackend> {
  const verify = createVerifier(options)
  const requests: SeenRequest[] = []
  const server = createServer(async (req, res) => {
    let body = ''
    for await (const chunk of req.setEncoding('utf8')) body += chunk
    const verdict = await verify(req.headers.authorization)
    const claims = verdict.kind === 'verified' ? verdict.claims : undefined
    const { method = '', url = '', headers, rawHeaders } = req
    requests.push({ method, url, headers, rawHeaders, body, claims })
    if (verdict.kind === 'refused') res.setHeader('www-authenticate', verdict.challenge)
    res.writeHead(claims === undefined ? 401 : 200, { 'content-type': 'application/json' })
    res.end(JSON.stringify(claims === undefined ? verdict : { method, url, body, claims }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, requests, close: () => close(server), [Symbol.asyncDispose]: () => close(server) }
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
