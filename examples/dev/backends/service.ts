import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Seen, seen } from './seen.ts'
import { createVerifier } from './verify.ts'

export interface ServiceRequest {
  readonly method: string
  /** Without the service's prefix and the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Undefined: no body, or none that is JSON. */
  readonly body: unknown
  readonly seen: Seen
}

/** A status with JSON, or `events`: a stream of them (`text/event-stream`). */
export type ServiceAnswer =
  | {
      readonly status: number
      readonly json: Readonly<Record<string, unknown>>
      readonly headers?: Readonly<Record<string, string>>
    }
  | { readonly events: AsyncIterable<object> }

interface ServiceOptions {
  readonly issuer: string
  readonly audience: string
  /** What stands before every path, e.g. `/api/crud`. */
  readonly prefix: string
  answer(request: ServiceRequest): ServiceAnswer
}

/** A sample service: it answers nobody whose token was not made for it. */
export function createService(options: ServiceOptions): Server {
  const verify = createVerifier(options)
  return createServer((req, res) => {
    handle(req, res).catch((error: unknown) => {
      if (res.headersSent) res.destroy()
      else if (error instanceof BodyError) send(res, 400, { error: error.message })
      else send(res, 500, { error: 'the sample service failed' })
    })
  })

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const verdict = await verify(req.headers.authorization)
    if (verdict.kind === 'refused')
      return send(
        res,
        401,
        { error: 'invalid_token', detail: verdict.detail },
        { 'www-authenticate': verdict.challenge },
      )
    const [path = '', query = ''] = (req.url ?? '').split('?')
    if (!path.startsWith(`${options.prefix}/`)) return send(res, 404, { error: 'no such path' })
    const answer = options.answer({
      method: req.method ?? 'GET',
      path: path.slice(options.prefix.length),
      query: new URLSearchParams(query),
      body: await readJson(req),
      seen: seen(req, verdict.claims),
    })
    if ('events' in answer) await stream(res, answer.events)
    else send(res, answer.status, answer.json, answer.headers)
  }
}

class BodyError extends Error {}

function send(res: ServerResponse, status: number, json: object, headers: Readonly<Record<string, string>> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
  res.end(JSON.stringify(json))
}

async function stream(res: ServerResponse, events: AsyncIterable<object>): Promise<void> {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  for await (const event of events) {
    if (res.closed) return
    res.write(`data: ${JSON.stringify(event)}\n\n`)
  }
  res.end()
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of req.setEncoding('utf8')) {
    text += chunk
    if (text.length > 65_536) throw new BodyError('the body is larger than 64 KiB')
  }
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new BodyError('the body is not JSON')
  }
}
