import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TraceHub, TraceRecord } from './trace.ts'

/** What a subscriber that does not read may hold back; beyond it records are lost to it, and it is told how many. */
const KEPT_BYTES = 256 * 1024

/** Server-sent events, one `data:` a request; `route` and `service` choose. A slow reader loses records, never slows a request. */
export function streamTraces(
  traces: TraceHub,
  req: IncomingMessage,
  res: ServerResponse,
  wanted: URLSearchParams,
  onLost: () => void,
): void {
  const route = wanted.get('route')
  const service = wanted.get('service')
  let lost = 0
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  res.write(': watching\n\n')
  if (req.method === 'HEAD') return void res.end()
  const stop = traces.subscribe((record: TraceRecord) => {
    if ((route !== null && record.route !== route) || (service !== null && record.service !== service)) return
    if (res.writableLength > KEPT_BYTES) {
      lost++
      onLost()
      return
    }
    if (lost > 0) res.write(`event: lost\ndata: ${lost}\n\n`)
    lost = 0
    res.write(`data: ${JSON.stringify(record)}\n\n`)
  })
  res.on('close', stop)
}
