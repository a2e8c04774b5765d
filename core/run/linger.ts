import type { Socket } from 'node:net'
import type { ClientRequest } from './client-message.ts'
import type { Limits } from './limits.ts'

/** Reads what is left of a body nobody wanted, within bounds, so that the connection can be used again; else ends it. */
export function drainBody(socket: Socket, req: ClientRequest, limits: Limits, over: () => void): void {
  if (socket.destroyed) return
  const end = () => socket.destroy()
  const idle = setTimeout(end, limits.lingerIdle).unref()
  const whole = setTimeout(end, limits.linger).unref()
  let left = limits.lingerBytes
  const settle = () => {
    clearTimeout(idle)
    clearTimeout(whole)
    req.off('close', settle)
    socket.off('close', settle)
    over()
  }
  req.on('data', (piece: Uint8Array) => {
    idle.refresh()
    left -= piece.length
    if (left < 0) end()
  })
  // 'close' comes after 'end' as well. Of a connection that goes, node:http tells no request whose answer is sent: the timers would
  // hold all that belonged to it for as long as a client may linger.
  req.on('close', settle)
  socket.on('close', settle)
  req.resume()
}

/**
 * Says no more, but reads on until the client closes too. Closed with bytes unread, the kernel sends a reset, and that overtakes the
 * answer on its way (RFC 9112 §9.6).
 */
export function closeGently(socket: Socket, limits: Limits): void {
  if (socket.destroyed) return
  socket.on('error', ignore)
  socket.end()
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), limits.lingerIdle).unref()
  socket.once('close', () => clearTimeout(timer))
}

function ignore(): void {}
