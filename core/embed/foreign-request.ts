// What another server may have done to a request before it hands it over.
import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../contract.ts'
import { problemBody, problemHeaders } from '../run/problem.ts'

/** Whether the request is no longer one that can be answered here; then it was answered, as far as it could be, and told. */
export function spoilt(req: IncomingMessage, res: ServerResponse, log: Log): boolean {
  if (res.headersSent || res.destroyed) {
    const cure = 'give each request to one of the two'
    log.error({ target: req.url }, `handler_called_late: something else has answered this request already; ${cure}`)
    return true
  }
  if (req.httpVersionMajor > 1) {
    log.error({ target: req.url }, 'handler_wants_http1: requests of HTTP/2 are not understood; use a node:http server')
    res.writeHead(505).end()
    return true
  }
  if (!bodyWasRead(req)) return false
  const cure = 'call the handler before anything that reads bodies'
  log.error({ target: req.url }, `body_read_early: something else has read this request's body; ${cure}`)
  const id = randomUUID()
  const body = problemBody({ status: 500, code: 'INTERNAL', correlationId: id })
  res.writeHead(500, [...problemHeaders(500, id), 'Content-Length', String(Buffer.byteLength(body))])
  res.end(body)
  return true
}

/** Its bytes are gone: a service would wait for them until it times out. */
function bodyWasRead(req: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers
  return req.readableDidRead && (coding !== undefined || Number(length) > 0)
}
