import http2, { type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Ground } from '../ground.ts'
import { SessionLine } from './session-line.ts'

/** The connections of HTTP/2, from whoever accepted them. */
interface Http2Front {
  accept(socket: Socket): void
  /** GOAWAY: what is under way goes on, and nothing new begins. */
  close(): void
  closeAll(): void
}

/**
 * What one client may make us hold. nghttp2 ends connections that reset their streams faster than 33 a second, 1,000 ahead
 * (CVE-2023-44487), send CONTINUATION without end (CVE-2024-27983), or have PINGs and SETTINGS answered that they do not read (CVE-2019-9512, -9515).
 */
const options: http2.ServerOptions = {
  maxSessionMemory: 16,
  maxHeaderListPairs: 512,
  maxSendHeaderBlockLength: 64 * 1024,
  unknownProtocolTimeout: 1_000,
  settings: { maxConcurrentStreams: 128, maxHeaderListSize: 64 * 1024, enablePush: false },
}

export function http2Front(ground: () => Ground): Http2Front {
  const server = http2.createServer(options)
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    new SessionLine(session, ground)
  })
  server.on('sessionError', () => {}) // a client's fault, and it has heard of it by GOAWAY
  return {
    accept: (socket) => void server.emit('connection', socket),
    close() {
      for (const session of sessions) session.close()
    },
    closeAll() {
      for (const session of sessions) session.destroy()
    },
  }
}
