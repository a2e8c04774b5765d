import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { ListenAt } from '../contract.ts'
import { settlesWithin } from '../util/settles-within.ts'

/** What is under way on a plugin's listener may take so long to end once it closes. */
const GRACE_MS = 1_000

/** A plugin's listener, on loopback unless said. */
export class PluginListener {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', ignore) // a client that went away is no reason to end the process
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Rejects with a sentence where the port is taken. */
  async listen({ port = 0, host = '127.0.0.1' }: ListenAt): Promise<AddressInfo> {
    this.#server.listen(port, host)
    try {
      await once(this.#server, 'listening')
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const cure = 'a listener of a fixed port that is to outlive a reload belongs into host.shared'
      throw new Error(code === 'EADDRINUSE' ? `port ${port} is taken; ${cure}` : message, { cause: error })
    }
    return this.#server.address() as AddressInfo
  }

  /** Takes no new connections, gives those there are a moment, then ends them. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    if (!(await settlesWithin(GRACE_MS, closed))) for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

function ignore(): void {}
