// npm run soak -- sockets [--count N --runtime node|deno]
// N idle WebSockets (9,000) of two signed-in users: what one costs the bridge in memory, and that each is closed as promised, 4401 when its
// user signs out, 1001 when the bridge stops. Ends with 1 when a promise was broken. N sockets are 2 N file handles of the bridge.
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../test/kit/free-port.ts'
import { type LoggedIn, loginByFetch } from '../test/kit/login.ts'
import { crudAudience, startStrictIdp } from '../test/kit/strict-idp.ts'
import { handshake } from '../test/kit/websocket.ts'
import { writeBridgeConfig } from './bridge-config.ts'
import { type Runtime, residentMiB, startServer } from './process.ts'

const { values: flags } = parseArgs({
  options: { count: { type: 'string', default: '9000' }, runtime: { type: 'string', default: 'node' } },
})
const count = Number(flags.count)
const runtime = flags.runtime as Runtime
/** Deno's own sockets cost more than Node's. */
const limitKiB = runtime === 'deno' ? 48 : 20

const folder = mkdtempSync(join(tmpdir(), 'bascule-sockets-'))
const idp = await startStrictIdp({ accessTokenTtl: 600 })
const service = await startServer({
  ...{ runtime: 'node', core: 1, file: 'bench/socket-upstream.ts', logFile: join(folder, 'service.log') },
  args: (port) => [String(port)],
})
const adminPort = await freePort()
const bridge = await startServer({
  ...{ runtime, core: 0, file: 'core/cli.ts', logFile: join(folder, 'bridge.log') },
  args: (port) => {
    const services = {
      crud_service: { url: `http://127.0.0.1:${service.port}`, audience: crudAudience, websocket: true },
    }
    writeBridgeConfig(join(folder, 'config'), { port, adminPort, idp, services })
    return ['start', '--config', join(folder, 'config')]
  },
})
const url = `http://127.0.0.1:${bridge.port}`

/** Opens one, and resolves with it after the 101. Its `code` is that of the close frame, 1006 without one. */
class Client {
  code = 1006
  over = false
  /** When its close frame came, and when its connection ended. */
  heardAt = Number.NaN
  overAt = Number.NaN
  #head = ''
  readonly socket: Socket

  constructor({ cookie }: LoggedIn) {
    this.socket = connect(bridge.port, '127.0.0.1')
    this.socket.write(
      handshake('/api/crud_service/live', `Cookie: ${cookie}`).replace('app.example', `127.0.0.1:${bridge.port}`),
    )
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.over = true
      this.overAt = performance.now()
    })
  }

  open(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.socket.once('close', () => reject(new Error(`closed after ${this.#head}`)))
      this.socket.on('data', (piece) => {
        if (this.#head.endsWith('\r\n\r\n')) return this.#close(piece)
        this.#head += piece.toString('latin1')
        if (!this.#head.endsWith('\r\n\r\n')) return
        if (this.#head.includes(' 101 ')) resolve(this)
        else reject(new Error(this.#head))
      })
    })
  }

  #close(piece: Buffer): void {
    if (piece[0] !== 0x88) return
    this.code = piece.readUInt16BE(2)
    this.heardAt = performance.now()
    this.socket.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]))
  }
}

/** When the last of them had its close frame, and when the last was gone: milliseconds from now. */
async function closing(clients: readonly Client[]): Promise<string> {
  const from = performance.now()
  while (clients.some(({ over }) => !over) && performance.now() - from < 30_000) await pause(10)
  const last = (of: (client: Client) => number) =>
    Math.round(clients.reduce((latest, client) => Math.max(latest, of(client) || from), from) - from)
  return `told in ${last(({ heardAt }) => heardAt)} ms, gone in ${last(({ overAt }) => overAt)} ms`
}

const broken: string[] = []
function expect(clients: readonly Client[], code: number, what: string): void {
  const wrong = clients.filter((client) => !client.over || client.code !== code)
  if (wrong.length > 0) broken.push(`${wrong.length} of ${clients.length} were not closed with ${code} ${what}`)
}

const ada = await loginByFetch(url)
const bob = await loginByFetch(url)
const first = await Promise.all(Array.from({ length: 100 }, () => new Client(bob).open()))
await pause(3_000)
const before = residentMiB(bridge.child.pid)
const clients: Client[] = []
const opening = performance.now()
while (clients.length < count) {
  const batch = Array.from({ length: Math.min(100, count - clients.length) }, (_, i) =>
    new Client(i % 2 === 0 ? ada : bob).open(),
  )
  clients.push(...(await Promise.all(batch)))
}
const opened = Math.round(performance.now() - opening)
await pause(5_000)
const each = ((residentMiB(bridge.child.pid) - before) * 1024) / count
console.log(`${count} idle sockets, opened in ${opened} ms: ${each.toFixed(1)} KiB each (${runtime})`)
if (each > limitKiB) broken.push(`a socket costs more than ${limitKiB} KiB`)

const hers = clients.filter((_, i) => (i % 100) % 2 === 0)
const his = clients.filter((_, i) => (i % 100) % 2 === 1)
const signedOut = ada.fetch('/auth/logout', { method: 'POST', headers: { origin: url } })
console.log(`${hers.length} closed by a logout: ${await closing(hers)}`)
await (await signedOut).body?.cancel()
expect(hers, 4401, 'by the logout')
if (his.some(({ over }) => over)) broken.push('a logout closed sockets of somebody else')

bridge.child.kill('SIGTERM')
console.log(`${his.length + first.length} closed by a stop: ${await closing([...his, ...first])}`)
expect([...his, ...first], 1001, 'by the stop')

for (const what of broken) console.log(`broken: ${what}`)
console.log(broken.length === 0 ? 'every promise held' : `log: ${folder}/bridge.log`)
if (broken.length === 0) rmSync(folder, { recursive: true, force: true })
service.child.kill()
process.exit(broken.length === 0 ? 0 : 1)
