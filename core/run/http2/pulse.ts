import type { ServerHttp2Session } from 'node:http2'

/** In how many steps a client that shows no sign of life is given up. */
const STEPS = 4

/**
 * Whether a client is still there while its answers are under way: it is sent PINGs, which it must answer (RFC 9113 §6.7), and whoever neither
 * answers one nor reads nor sends for `ms` is let go of. Not only for wires that were cut: after a frame that nghttp2 closes a connection for,
 * Node never reads from its socket again, does not hear that the client has left, and would keep the streams, and their requests to services,
 * for good.
 */
export function watchPulse(session: ServerHttp2Session, ms: number, busy: () => boolean): void {
  const { socket } = session
  let asked = false
  let moved = -1
  let missed = 0
  const timer = setInterval(() => {
    if (session.destroyed) return
    const before = moved
    moved = socket.bytesRead + socket.bytesWritten
    missed = asked && busy() && moved === before ? missed + 1 : 0
    if (missed >= STEPS) return session.destroy()
    if (asked || !busy()) return
    asked = true
    session.ping((error) => {
      if (!error) asked = false
    })
  }, ms / STEPS).unref()
  session.on('close', () => clearInterval(timer))
}
