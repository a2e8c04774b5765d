import type { Buffer } from 'node:buffer'
import { once } from 'node:events'
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2'
import type { TestLike } from './bascule.ts'
import { cert } from './certs.ts'

interface Http2Answer {
  readonly status: number
  /** Names and values in the order they came, without the pseudo-headers. */
  readonly headers: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  /** 0 where the stream ended in order. */
  readonly code: number
  /** END_STREAM came, and not a reset that merely looks like it. */
  readonly whole: boolean
}

/** A session with the bridge, closed when the test ends. */
export async function http2Client(t: TestLike, url: string, options: http2.SecureClientSessionOptions = {}) {
  const session = http2.connect(url, { ca: cert('ca'), servername: 'localhost', ...options })
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  await once(session, 'connect')
  return session
}

export async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<Http2Answer> {
  const stream = session.request(
    { ':path': '/', ':authority': 'localhost', ...headers },
    { endStream: body === undefined },
  )
  if (body !== undefined) stream.end(body)
  return answerOf(stream)
}

export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  let head: readonly string[] = []
  let trailers: readonly string[] = []
  let body = ''
  let whole = false
  const push = stream.push
  stream.push = (piece: unknown, encoding?: BufferEncoding) => {
    if (piece === null && !stream.closed) whole = true
    return push.call(stream, piece, encoding)
  }
  stream.on('response', (_headers: object, _flags: number, raw: string[]) => {
    head = raw
  })
  stream.on('trailers', (_headers: object, _flags: number, raw: string[]) => {
    trailers = raw
  })
  stream.on('data', (piece: Buffer) => {
    body += piece.toString('latin1')
  })
  stream.on('error', () => {})
  await new Promise<void>((resolve) => stream.on('close', () => resolve()))
  const status = Number(head[head.indexOf(':status') + 1] ?? 0)
  return { status, headers: head.slice(2), body, trailers, code: stream.rstCode ?? 0, whole }
}

export function field(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
  return undefined
}
