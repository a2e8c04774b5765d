import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'

export interface DevPorts {
  readonly port: number
  readonly adminPort: number
  readonly idpPort: number
  readonly analyticsPort: number
  readonly crudPort: number
  readonly spaPort: number
}

const all = {
  port: { preset: 8080, flag: '--port', what: 'bridge' },
  adminPort: { preset: 9090, flag: '--admin-port', what: 'admin listener' },
  idpPort: { preset: 8090, flag: '--idp-port', what: 'dev IdP' },
  analyticsPort: { preset: 8100, flag: '--analytics-port', what: 'sample service analytics' },
  crudPort: { preset: 8101, flag: '--crud-port', what: 'sample service crud' },
  spaPort: { preset: 8102, flag: '--spa-port', what: 'sample page' },
} as const satisfies Record<keyof DevPorts, unknown>
const names = Object.keys(all) as (keyof DevPorts)[]

/** 0 becomes a free port now: the IdP must know the bridge's address before either of them listens. */
export async function choosePorts(wanted: Partial<DevPorts>): Promise<DevPorts> {
  const chosen = await Promise.all(
    names.map(async (name) => [name, wanted[name] === 0 ? await freePort() : (wanted[name] ?? all[name].preset)]),
  )
  return Object.fromEntries(chosen) as DevPorts
}

export function takenMessage(taken: number, ports: DevPorts): string {
  const name = names.find((one) => ports[one] === taken)
  if (name === undefined) return `port ${taken} is taken: stop what uses it`
  return `port ${taken} (${all[name].what}) is taken: stop what uses it, or choose another with ${all[name].flag}`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
