// A service that accepts every WebSocket handshake and says nothing more: `tsx bench/socket-upstream.ts PORT`.
import { createServer } from 'node:http'
import process from 'node:process'
import { acceptOf } from '../core/run/upgrade-handshake.ts'

const server = createServer((_req, res) => res.end('plain'))
server.on('upgrade', (req, socket) => {
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  socket.resume()
  const accept = acceptOf(req.headers['sec-websocket-key'] ?? '')
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  socket.write(`${head.join('\r\n')}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
})
server.listen(Number(process.argv[2]), '127.0.0.1')
