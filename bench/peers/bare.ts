// bare.ts PORT UPSTREAM_PORT: node:http and undici with nothing between them. The floor that every row is measured against. GET only.
import { createServer } from 'node:http'
import process from 'node:process'
import { PassThrough, upstreamPool } from './pass-through.ts'

const [port, upstream] = process.argv.slice(2)
const pool = upstreamPool(upstream)

const server = createServer((req, res) => {
  const headers: string[] = []
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] ?? ''
    if (!/^(host|connection)$/i.test(name)) headers.push(name, req.rawHeaders[i + 1] ?? '')
  }
  pool.dispatch({ method: 'GET', path: req.url ?? '/', headers }, new PassThrough(res))
})
server.listen(Number(port), '127.0.0.1')
