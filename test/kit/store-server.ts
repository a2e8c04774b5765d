import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Lease, Stored } from '../../plugins/lib/session/session-store.ts'
import { MemoryStore } from '../../plugins/session-store/memory.ts'

/** One call of a client; `value` in base64. */
export interface StoreCall {
  readonly id: number
  /** The client's name, as its config has it. */
  readonly from: string
  readonly op: 'get' | 'put' | 'touch' | 'delete' | 'take' | 'find' | 'lease' | 'renew' | 'release'
  readonly key: string
  readonly value?: string
  readonly expect?: string | null
  readonly unless?: string
  readonly ttl?: number
  readonly index?: readonly string[]
}

export interface StoreServer {
  readonly port: number
  readonly calls: readonly StoreCall[]
  /** Sees each call before it is done, and may hold it back; false: it is not done, and never answered. */
  before: ((call: StoreCall) => boolean | Promise<boolean>) | undefined
  /** Sees each call when it is done and not yet answered; false: no answer. */
  after: ((call: StoreCall) => boolean | Promise<boolean>) | undefined
  /** As if the time of all leases of this client had run out. */
  expireLeases(from: string): Promise<void>
  close(): Promise<void>
}

/** A session store of its own that several bridges share, and that outlives them: `memory` behind a socket of loopback. */
export async function startStoreServer(): Promise<StoreServer> {
  const store = new MemoryStore()
  const leases = new Map<string, { readonly lease: Lease; readonly from: string }>()
  const calls: StoreCall[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}))
    createInterface(socket)
      .on('error', () => {})
      .on('line', async (line) => {
        const call = JSON.parse(line) as StoreCall
        calls.push(call)
        if ((await self.before?.(call)) === false) return
        const done = await perform(store, leases, call)
        if ((await self.after?.(call)) === false || socket.destroyed) return
        socket.write(`${JSON.stringify({ id: call.id, done })}\n`)
      })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const self: StoreServer = {
    port: (server.address() as AddressInfo).port,
    ...{ calls, before: undefined, after: undefined },
    async expireLeases(from) {
      for (const [token, held] of leases) if (held.from === from && leases.delete(token)) await held.lease.release()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return self
}

async function perform(
  store: MemoryStore,
  leases: Map<string, { readonly lease: Lease; readonly from: string }>,
  { op, key, from, id, value = '', expect = null, unless, ttl = 0, index }: StoreCall,
): Promise<unknown> {
  switch (op) {
    case 'get':
      return shown(store.get(key, unless))
    case 'put':
      return store.put(key, Buffer.from(value, 'base64'), { expect, ttl, ...(index === undefined ? {} : { index }) })
    case 'touch':
      return store.touch(key, ttl)
    case 'delete':
      return store.delete(key)
    case 'take':
      return shown(store.take(key))
    case 'find': {
      const keys: string[] = []
      for await (const found of store.find(key)) keys.push(found)
      return keys
    }
    case 'lease': {
      const lease = store.lease(key, ttl)
      if (lease === undefined) return null
      leases.set(`${from} ${id}`, { lease, from })
      return `${from} ${id}`
    }
    case 'renew':
      return (await leases.get(key)?.lease.renew(ttl)) ?? false
    case 'release':
      await leases.get(key)?.lease.release()
      return leases.delete(key)
  }
}

function shown(found: Stored | 'same' | undefined): unknown {
  if (found === undefined) return null
  return found === 'same' ? found : { value: Buffer.from(found.value).toString('base64'), version: found.version }
}
