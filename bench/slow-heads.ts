// As many clients as the arguments say, each sending its head one byte a second. Prints how they were cut, as one line of JSON.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import process from 'node:process'

export interface Cut {
  readonly clients: number
  /** Seconds from the connection to its end. */
  readonly first: number
  readonly last: number
  /** Were told why. */
  readonly told: number
}

const [port, clients] = process.argv.slice(2).map(Number)
const TICK_MS = 20
const lives: number[] = []
let told = 0

async function drip(): Promise<void> {
  const socket = connect({ port: port!, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const began = performance.now()
  socket.write('GET /api/analytics/x HTTP/1.1\r\nX-A: ')
  socket.on('error', () => {})
  socket.once('data', (bytes) => {
    if (String(bytes).startsWith('HTTP/1.1 408 ')) told++
  })
  open.push(socket)
  await once(socket, 'close')
  lives.push((performance.now() - began) / 1000)
}

const open: Socket[] = []
let next = 0
/** A slice a tick: all at once would be a wave, not a drip. */
const timer = setInterval(() => {
  const slice = Math.ceil((open.length * TICK_MS) / 1000)
  for (let i = 0; i < slice; i++) {
    const socket = open[next++ % open.length]
    if (socket?.writable) socket.write('a')
  }
}, TICK_MS)
await Promise.all(Array.from({ length: clients! }, drip))
clearInterval(timer)
lives.sort((a, b) => a - b)
const cut: Cut = { clients: lives.length, first: lives[0] ?? 0, last: lives.at(-1) ?? 0, told }
console.log(JSON.stringify(cut))
