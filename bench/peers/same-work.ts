// same-work.ts PORT UPSTREAM_PORT TOKEN_BYTES: what a good engineer would write by hand, without stages, routes or config, for the work
// the bridge does on a warm request: check the target, find the session by the hash of its cookie, clean the headers both ways, add its
// token, heed slow and leaving clients, write one log line. What each row does: bench/README.md.
import { Buffer } from 'node:buffer'
import { hash, randomFillSync, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import process from 'node:process'
import { pino } from 'pino'
import { CleanPass } from './clean-pass.ts'
import { upstreamPool } from './pass-through.ts'

const [port, upstream, tokenBytes] = process.argv.slice(2)
const pool = upstreamPool(upstream)
const log = pino.destination({ dest: 1, sync: false })

interface Session {
  readonly sub: string
  readonly authorization: string
  readonly expiresAt: number
}
const authorization = `Bearer ${'t'.repeat(Number(tokenBytes))}`
const sessions = new Map<string, Session>([
  [keyOf('A'.repeat(43)), { sub: 'ada', authorization, expiresAt: Date.now() + 3_600_000 }],
])

function keyOf(id: string): string {
  return hash('sha256', id, 'base64url')
}

// Hop-by-hop, and what only the proxy may say.
const dropped = new Set([
  ...[
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'host',
    'cookie',
  ],
  ...[
    'authorization',
    'forwarded',
    'via',
    'x-original-user',
    'x-original-url',
    'x-rewrite-url',
    'x-http-method-override',
  ],
])

// Dot segments however spelt, backslashes, control bytes, a fragment.
const unclear = /(?:\/|%2f)(?:\.|%2e){1,2}(?:[/;?]|%2f|$)|[\\#]|[^!-~]|^\/\//i

const server = createServer((req, res) => {
  const started = performance.now()
  const { session, headers, host, connection } = readHeaders(req)
  const path = req.url ?? ''
  if (host === '' || !path.startsWith('/api/analytics_service/') || unclear.test(path))
    return void res.writeHead(400).end()
  if (!session) return void res.writeHead(401).end()
  if (connection !== '' && connection !== 'keep-alive') return void res.writeHead(400).end()
  const id = randomUUID()
  addHeaders(headers, session, id, host, req.socket.remoteAddress ?? '')
  const answer = new CleanPass(res)
  res.once('close', () => {
    answer.stop()
    const ms = performance.now() - started
    log.write(
      `{"level":30,"time":${Date.now()},"route":"api","service":"analytics_service","method":"${req.method}","path":${JSON.stringify(req.url)},"status":${res.statusCode},"outcome":"${res.writableFinished ? 'completed' : 'aborted'}","duration_ms":${ms.toFixed(1)},"correlation_id":"${id}","sub":"${session.sub}","msg":"token_found=True service=analytics_service"}\n`,
    )
  })
  pool.dispatch({ method: 'GET', path, headers }, answer)
})
server.listen(Number(port), '127.0.0.1')

function readHeaders(req: IncomingMessage) {
  const headers: string[] = []
  let session: Session | undefined
  let host = ''
  let connection = ''
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] ?? ''
    const value = req.rawHeaders[i + 1] ?? ''
    const lower = name.toLowerCase()
    if (lower === 'cookie') session = findSession(value)
    else if (lower === 'host') host = value
    else if (lower === 'connection') connection = value
    else if (!dropped.has(lower) && !/^x-(forwarded|user)-|_/.test(lower)) headers.push(name, value)
  }
  return { session, headers, host, connection }
}

function findSession(cookies: string): Session | undefined {
  for (const pair of cookies.split('; ')) {
    if (!pair.startsWith('bff_session=')) continue
    const session = sessions.get(keyOf(pair.slice('bff_session='.length)))
    return session && session.expiresAt > Date.now() ? session : undefined
  }
  return undefined
}

function addHeaders(headers: string[], session: Session, id: string, host: string, ip: string): void {
  headers.push('X-Correlation-ID', id, 'traceparent', newTrace())
  headers.push('X-Original-User', `auth:account:idp:${session.sub}`, 'X-Forwarded-For', ip, 'X-Forwarded-Proto', 'http')
  headers.push('X-Forwarded-Host', host, 'Forwarded', `for=${ip};host="${host}";proto=http`, 'Via', '1.1 same-work')
  headers.push('Authorization', session.authorization)
}

// Random bytes are cheap by the thousand only.
const random = Buffer.alloc(4800)
let used = random.length

function newTrace(): string {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  used += 24
  return `00-${random.toString('hex', used - 24, used - 8)}-${random.toString('hex', used - 8, used)}-01`
}
