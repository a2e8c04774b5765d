// The service behind every row: 302 bytes for each GET. On raw sockets, so that it and the load generator, which share a core, never
// are what a row waits for.
import { Buffer } from 'node:buffer'
import { createServer } from 'node:net'
import process from 'node:process'

const body = JSON.stringify({ workflows: 'x'.repeat(302 - '{"workflows":""}'.length) })
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n\r\n${body}`,
)
const headEnd = '\r\n\r\n'

const server = createServer({ noDelay: true }, (socket) => {
  let rest = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes) => {
    rest += bytes.toString('latin1')
    for (let at = rest.indexOf(headEnd); at !== -1; at = rest.indexOf(headEnd)) {
      rest = rest.slice(at + headEnd.length)
      socket.write(answer)
    }
  })
})
server.listen(Number(process.argv[2]), '127.0.0.1')
