import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import WebSocket, { type RawData, WebSocketServer } from 'ws'
import { profile, settings } from './default-profile.ts'

export interface TestLike {
  teardown(fn: () => unknown): unknown
}

export interface SocketService {
  readonly url: string
  readonly http: Server
  readonly sockets: WebSocketServer
  /** The handshakes that arrived. */
  readonly handshakes: IncomingMessage[]
  /** The service's end of the next socket. */
  next(): Promise<WebSocket>
}

/** A service that speaks WebSocket on every path; `echo` unless told otherwise. */
export async function startSocketService(
  t: TestLike,
  serve: (socket: WebSocket, request: IncomingMessage) => void = echo,
): Promise<SocketService> {
  const http = createServer((_req, res) => res.end('plain'))
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: true })
  const handshakes: IncomingMessage[] = []
  sockets.on('connection', (socket, request) => {
    handshakes.push(request)
    socket.on('error', () => {})
    serve(socket, request)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    http.close()
    http.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return {
    ...{ url, http, sockets, handshakes },
    async next() {
      const [socket] = (await once(sockets, 'connection')) as [WebSocket]
      return socket
    },
  }
}

function echo(socket: WebSocket): void {
  socket.on('message', (data, binary) => socket.send(data, { binary }))
}

export interface SocketClient {
  readonly socket: WebSocket
  /** How it ended; 1006 where no close frame came. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  /** The next message, as text. */
  message(): Promise<string>
}

type SocketOptions = ConstructorParameters<typeof WebSocket>[2] & { readonly protocols?: string[] }

/** Resolves when it is open; rejects with the status of whatever else was the answer. */
export async function openSocket(t: TestLike, url: string, options: SocketOptions = {}): Promise<SocketClient> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), options.protocols ?? [], options)
  t.teardown(() => socket.terminate())
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  const messages: string[] = []
  const waiting: ((text: string) => void)[] = []
  socket.on('message', (data: RawData) => {
    const text = String(data)
    const first = waiting.shift()
    if (first) first(text)
    else messages.push(text)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', (_req, res) => reject(new Error(`answered ${res.statusCode}`)))
  })
  socket.on('error', () => {})
  return {
    ...{ socket, closed },
    message() {
      const first = messages.shift()
      return first === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(first)
    },
  }
}

/** Of the handshakes in RFC 6455 §1.3. */
export const sampleKey = 'dGhlIHNhbXBsZSBub25jZQ=='
export const sampleAccept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

/** An opening handshake as bytes. */
export function handshake(path: string, ...more: string[]): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: app.example',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${sampleKey}`,
    'Sec-WebSocket-Version: 13',
    ...more,
    '',
    '',
  ].join('\r\n')
}

/** What accepts that handshake. */
export const switching = [
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade',
  `Sec-WebSocket-Accept: ${sampleAccept}`,
]

/** Config of a bridge with WebSocket routes to one service: /live for anybody, /own for sessions, /plain without upgrades. */
export function socketFiles(url: string): Record<string, string> {
  return {
    'settings.yaml': settings(),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${url}", timeout: 5s } }
routes:
  - { id: live, path: "/live/*", target_service: api, upstream_path: "/{path}", auth: none, websocket: true }
  - { id: plain, path: "/plain/*", target_service: api, upstream_path: "/{path}", auth: none }
  - { id: own, path: "/own/*", target_service: api, upstream_path: "/{path}", websocket: true }
`,
  }
}
