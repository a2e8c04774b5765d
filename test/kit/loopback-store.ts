// The client of test/kit/store-server.ts, as a plugin: what a store across a network looks like to the bridge.
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { clearTimeout, setTimeout } from 'node:timers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { defineService, fault } from '../../core/index.ts'
import type { Lease, SessionStore, Stored } from '../../plugins/lib/session/session-store.ts'
import type { StoreCall } from './store-server.ts'

const timeout = 2_000

export class LoopbackStore implements SessionStore {
  readonly reach = 'host'
  readonly #port: number
  readonly #name: string
  readonly #open = new Map<number, (done: unknown) => void>()
  #socket: Promise<Socket> | undefined
  #last = 0

  constructor(port: number, name: string) {
    this.#port = port
    this.#name = name
  }

  async get(key: string, unless?: string): Promise<Stored | 'same' | undefined> {
    return stored(await this.#call('get', key, unless === undefined ? {} : { unless }))
  }
  async put(key: string, value: Uint8Array, opts: Parameters<SessionStore['put']>[2]) {
    const sent = { ...opts, value: Buffer.from(value).toString('base64') }
    return (await this.#call('put', key, sent)) as { version: string } | 'conflict'
  }
  async touch(key: string, ttl: number): Promise<boolean> {
    return (await this.#call('touch', key, { ttl })) as boolean
  }
  async delete(key: string): Promise<boolean> {
    return (await this.#call('delete', key)) as boolean
  }
  async take(key: string): Promise<Stored | undefined> {
    return stored(await this.#call('take', key)) as Stored | undefined
  }
  async *find(index: string): AsyncGenerator<string> {
    yield* (await this.#call('find', index)) as string[]
  }
  async lease(name: string, ttl: number): Promise<Lease | undefined> {
    const token = (await this.#call('lease', name, { ttl })) as string | null
    if (token === null) return undefined
    return {
      renew: async (longer) => (await this.#call('renew', token, { ttl: longer })) as boolean,
      release: async () => void (await this.#call('release', token)),
    }
  }
  async close(): Promise<void> {
    const socket = await this.#socket?.catch(() => undefined)
    socket?.destroy()
  }

  async #call(op: StoreCall['op'], key: string, more: Partial<StoreCall> = {}): Promise<unknown> {
    const id = ++this.#last
    const socket = await this.#connected()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#open.delete(id)
        reject(fault('STORE_UNAVAILABLE'))
      }, timeout)
      this.#open.set(id, (done) => {
        clearTimeout(timer)
        this.#open.delete(id)
        resolve(done)
      })
      socket.write(`${JSON.stringify({ ...more, id, from: this.#name, op, key })}\n`)
    })
  }

  #connected(): Promise<Socket> {
    this.#socket ??= this.#connect().catch((error: unknown) => {
      this.#socket = undefined
      throw fault('STORE_UNAVAILABLE', undefined, error)
    })
    return this.#socket
  }

  async #connect(): Promise<Socket> {
    const socket = connect(this.#port, '127.0.0.1')
    socket
      .on('error', () => {})
      .on('close', () => {
        this.#socket = undefined
      })
    await once(socket, 'connect')
    createInterface(socket)
      .on('error', () => {})
      .on('line', (line) => {
        const { id, done } = JSON.parse(line) as { id: number; done: unknown }
        this.#open.get(id)?.(done)
      })
    return socket
  }
}

function stored(done: unknown): Stored | 'same' | undefined {
  if (done === null) return undefined
  if (done === 'same') return 'same'
  const { value, version } = done as { value: string; version: string }
  return { value: Buffer.from(value, 'base64'), version }
}

export default defineService<{ port: number; name: string }, 'session-store'>({
  kind: 'session-store',
  name: 'loopback',
  options: z.strictObject({ port: z.int(), name: z.string() }),
  open(host) {
    const store = new LoopbackStore(host.options.port, host.options.name)
    host.onClose(() => store.close())
    return store
  },
})

/** Files of a config directory, and what `session` says, for a bridge that uses the server on this port. */
export function loopbackStore(port: number, name: string) {
  const here = fileURLToPath(import.meta.url)
  return {
    files: { 'loopback-store.ts': `export { default } from ${JSON.stringify(here)}\n` },
    session: `session: { keys: [0123456789abcdef0123456789abcdef], store: { use: ./loopback-store.ts, with: { port: ${port}, name: ${name} } } }`,
  }
}
