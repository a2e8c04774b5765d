import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { type ErrorCode, statusOf as statusOfCode } from '../errors.ts'
import type { Generations } from '../generation/generations.ts'
import { METRICS_TYPE } from '../metrics/text.ts'
import { problemBody, problemHeaders } from '../run/problem.ts'
import { streamTraces } from '../trace/trace-stream.ts'
import { sendConsole } from './console-page.ts'
import type { OwnPath } from './own-paths.ts'
import { routesOf, statusOf } from './status.ts'
import type { AdminView } from './view.ts'

/** A page of core's own, answered with GET and HEAD. */
type Page = (view: AdminView, req: IncomingMessage, res: ServerResponse, query: string) => void

const running =
  (page: (generations: Generations, req: IncomingMessage, res: ServerResponse, query: string) => void): Page =>
  (view, req, res, query) => {
    const generations = view.generations()
    if (generations) page(generations, req, res, query)
    else starting(res)
  }

const pages: Readonly<Partial<Record<string, Page>>> = Object.assign(Object.create(null), {
  '/': (_view, _req, res) => sendConsole(res),
  '/healthz': (_view, _req, res) => answer(res, 200, { status: 'ok' }),
  '/readyz': ready,
  '/metrics': running((generations, req, res) => void sendMetrics(generations.metricsText(), req, res)),
  '/status': running((generations, _req, res) => answer(res, 200, statusOf(generations))),
  '/routes': running((generations, _req, res) => answer(res, 200, routesOf(generations))),
  '/traces': running(({ traces, metrics }, req, res, query) =>
    streamTraces(traces, req, res, new URLSearchParams(query), () => metrics.traceRecordsLost.inc()),
  ),
} satisfies Record<OwnPath, Page>)

/** False: the path is not core's. */
export function sendPage(view: AdminView, req: IncomingMessage, res: ServerResponse): boolean {
  const [path = '', query = ''] = (req.url ?? '').split('?', 2)
  const page = pages[path]
  if (!page) return false
  if (req.method === 'GET' || req.method === 'HEAD') page(view, req, res, query)
  else {
    res.setHeader('Allow', 'GET, HEAD')
    refuse(res, 'METHOD_NOT_ALLOWED', `${path} is answered with GET and HEAD`)
  }
  return true
}

function ready(view: AdminView, _req: IncomingMessage, res: ServerResponse): void {
  const generations = view.generations()
  if (!generations) return starting(res)
  if (!view.ready()) return refuse(res, 'DRAINING', 'requests under way are let end, and new ones are refused')
  const { current, metrics } = generations
  answer(res, 200, { status: 'ready', generation: current.number, settled_failures: metrics.settledFailures })
}

/** A turn of the event loop between two pieces: ten thousand routes are megabytes of text, and requests go first. */
async function sendMetrics(pieces: Iterable<string>, req: IncomingMessage, res: ServerResponse): Promise<void> {
  res.writeHead(200, { 'Content-Type': METRICS_TYPE, 'Cache-Control': 'no-store' })
  if (req.method === 'HEAD') return void res.end()
  for (const piece of pieces) {
    if (res.destroyed) return
    if (res.write(piece)) await turn()
    else await room(res)
  }
  res.end()
}

/** Resolves when more may be written, or nobody reads any more. */
function room(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done)
      resolve()
    }
    res.on('drain', done).on('close', done)
  })
}

export function starting(res: ServerResponse): void {
  refuse(res, 'OVERLOADED', 'the bridge is starting')
}

/** The same problem as on the public listener. */
export function refuse(res: ServerResponse, code: ErrorCode, detail: string): void {
  const correlationId = randomUUID()
  const status = statusOfCode(code)
  res.writeHead(status, problemHeaders(status, correlationId, status === 503 ? 1 : undefined))
  res.end(problemBody({ status, code, correlationId, detail }))
}

function answer(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  res.end(`${JSON.stringify(body)}\n`)
}
