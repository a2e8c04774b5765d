import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the backend got it. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** What a backend answers: `200`, a body, or all of it. */
export type FakeAnswer = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | object
}

/** A running backend, and what it was sent. */
export interface FakeUpstream extends AsyncDisposable {
  readonly url: string
  /** Every request that arrived whole, in order. */
  readonly requests: readonly SeenRequest[]
  close(): Promise<void>
}

/** Answers a request of its own accord; `raw` is node:http's, for what a plain answer cannot say. */
export type UpstreamHandler = (
  request: SeenRequest,
  raw: { readonly req: IncomingMessage; readonly res: ServerResponse },
) => FakeAnswer | undefined | Promise<FakeAnswer | undefined>

/**
 * A backend on a free port of loopback that says what it was sent; a handler answers otherwise. One that returns undefined answers
 * by itself, through `res`.
 */
export async function fakeUpstream(handler: UpstreamHandler = (request) => ({ body: request })): Promise<FakeUpstream> {
  const requests: SeenRequest[] = []
  const server = createServer(async (req, res) => {
    try {
      const request = await seen(req)
      requests.push(request)
      const answer = await handler(request, { req, res })
      if (answer !== undefined) send(res, answer)
    } catch (error) {
      if (!res.headersSent) send(res, { status: 500, body: `the handler of fakeUpstream failed: ${String(error)}` })
      else res.destroy()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, requests, close, [Symbol.asyncDispose]: close }
}

async function seen(req: IncomingMessage): Promise<SeenRequest> {
  const pieces: Buffer[] = []
  for await (const piece of req) pieces.push(piece as Buffer)
  const { method = '', url = '', headers, rawHeaders } = req
  return { method, url, headers, rawHeaders, body: Buffer.concat(pieces).toString() }
}

function send(res: ServerResponse, { status = 200, headers = {}, body = '' }: FakeAnswer): void {
  const json = typeof body === 'object'
  res.writeHead(status, { ...(json && { 'content-type': 'application/json' }), ...headers })
  res.end(json ? JSON.stringify(body) : body)
}
