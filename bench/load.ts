// GETs over keep-alive connections, one outstanding on each: one after the other, or at a given rate. Orders come as lines of JSON on stdin, and each is answered with a line of
// what was seen. Raw sockets: a full client would cost as much as the proxies it measures.
import { connect } from 'node:net'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { percentile } from './statistics.ts'

export interface LoadOptions {
  readonly port: number
  readonly path: string
  readonly headers: readonly string[]
  readonly connections: number
  readonly ms: number
  /** Requests a second, of all connections together, each timed from when it was due. Unless given: as fast as they are answered. */
  readonly rate?: number
}

export interface LoadResult {
  /** Answers, those of the last moment included: what the proxy's CPU time is divided by. */
  readonly requests: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

async function load(options: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = []
  const started = performance.now()
  await Promise.all(Array.from({ length: options.connections }, (_, n) => connection(options, n, started, latencies)))
  const seconds = (performance.now() - started) / 1000
  latencies.sort((a, b) => a - b)
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
  return { requests: latencies.length, perSecond: latencies.length / seconds, p50, p99 }
}

function connection(options: LoadOptions, nth: number, started: number, latencies: number[]): Promise<void> {
  const { port, path, headers, ms, connections, rate } = options
  const request = [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, '', ''].join('\r\n')
  const until = started + ms
  const every = rate === undefined ? 0 : (connections / rate) * 1000
  let due = started + (nth * every) / connections
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let from = 0
    let seen = ''
    const send = () => {
      const early = due - performance.now()
      if (rate !== undefined && early > 0) return void setTimeout(send, early)
      // Counted from then on, so that requests which had to wait for a slow one before them tell so.
      from = rate === undefined ? performance.now() : due
      due += every
      socket.write(request)
    }
    socket.once('connect', send)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the proxy closed a connection in the middle of a round')))
    socket.on('data', (bytes) => {
      seen += bytes.toString('latin1')
      const length = completeLength(seen)
      if (length === undefined) return
      if (!seen.startsWith('HTTP/1.1 200 ') || seen.length !== length)
        return void socket.destroy(new Error(`not the answer that was expected:\n${seen.slice(0, 1000)}`))
      seen = ''
      const now = performance.now()
      latencies.push(now - from)
      if (now < until) return send()
      socket.removeAllListeners('close')
      socket.destroy()
      resolve()
    })
  })
}

/** Bytes of the first answer once it is there in full. An answer without a length is of no use here. */
function completeLength(seen: string): number | undefined {
  const headEnd = seen.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const length = /^content-length: *(\d+)/im.exec(seen.slice(0, headEnd))?.[1]
  if (length === undefined) return seen.endsWith('0\r\n\r\n') ? seen.length : undefined
  const whole = headEnd + 4 + Number(length)
  return seen.length >= whole ? whole : undefined
}

for await (const order of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await load(JSON.parse(order) as LoadOptions))}\n`)
}
