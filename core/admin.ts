import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { METRICS_TYPE } from './metrics/text.ts'
import type { TraceHub } from './trace.ts'
import { streamTraces } from './trace-stream.ts'

export interface AdminView {
  ready(): boolean
  generation(): number
  settledFailures(): Readonly<Record<string, number>>
  traceRecordLost(): void
  /** Prometheus text, in pieces. */
  metrics(): Iterable<string>
  readonly traces: TraceHub
}

/** Liveness, readiness, live traces: on a listener of its own, so that no header or path of the public one reaches it. */
export function createAdmin(view: AdminView): Server {
  return http.createServer((req, res) => {
    // A page that somebody's browser is lured to may not read this through a rebound name.
    if (!isLoopbackName(req.headers.host)) return answer(res, 403, { code: 'FORBIDDEN' })
    const [path = '', query = ''] = (req.url ?? '').split('?', 2)
    const page = pages[path]
    if (!page) return answer(res, 404, { code: 'ROUTE_NOT_FOUND' })
    if (req.method === 'GET' || req.method === 'HEAD') return page(view, req, res, query)
    res.setHeader('Allow', 'GET, HEAD')
    answer(res, 405, { code: 'METHOD_NOT_ALLOWED' })
  })
}

type Page = (view: AdminView, req: IncomingMessage, res: ServerResponse, query: string) => void

const pages: Readonly<Partial<Record<string, Page>>> = Object.assign(Object.create(null), {
  '/healthz': (_view, _req, res) => answer(res, 200, { status: 'ok' }),
  '/readyz': (view, _req, res) =>
    view.ready()
      ? answer(res, 200, { status: 'ready', generation: view.generation(), settled_failures: view.settledFailures() })
      : answer(res, 503, { status: 'draining', code: 'DRAINING' }),
  '/traces': (view, req, res, query) =>
    streamTraces(view.traces, req, res, new URLSearchParams(query), () => view.traceRecordLost()),
  '/metrics': (view, req, res) => void sendMetrics(view.metrics(), req, res),
} satisfies Record<string, Page>)

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

function answer(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  res.end(`${JSON.stringify(body)}\n`)
}

/** Names of this machine, and addresses: what DNS rebinding cannot make its own. Absent: a probe that speaks HTTP/1.0. */
function isLoopbackName(host: string | undefined): boolean {
  if (host === undefined) return true
  const name = host.replace(/:\d+$/, '')
  return name === 'localhost' || /^[\d.]+$/.test(name) || name.startsWith('[')
}
