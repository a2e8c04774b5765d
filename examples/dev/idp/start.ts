import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Provider } from 'oidc-provider'
import { ConfigError, type Problem } from '../../../core/config/report.ts'
import type { Policy } from '../../../plugins/lib/doctor/idp-policy.ts'
import { memoryStore } from './memory-adapter.ts'
import { watchPolicy } from './policy-watch.ts'
import { createProvider } from './provider.ts'
import { readPolicy } from './read-policy.ts'
import { createIdpServer } from './server.ts'
import { signingKey } from './signing-key.ts'

interface IdpOptions {
  /** Holds `settings.yaml` and `clients.yaml`. */
  readonly dir: string
  /** 0: any that is free. */
  readonly port: number
  /** The bridge's origins as its users see them. */
  readonly origins: readonly string[]
  readonly clientSecret: string
  /** Seconds. */
  readonly accessTokenTtl: number
  readonly env: Readonly<Record<string, string | undefined>>
  reread?(outcome: 'changed' | 'refused', problems: readonly Problem[]): void
}

interface RunningIdp {
  readonly issuer: string
  /** What the first reading had to say. */
  readonly notices: readonly Problem[]
  close(): Promise<void>
}

/** Throws a ConfigError when the files cannot be used, and the error of `listen` when the port is taken. */
export async function startIdp(options: IdpOptions): Promise<RunningIdp> {
  const { policy, problems } = readPolicy(options.dir, options.env)
  if (policy === undefined) throw new ConfigError(problems)
  const kept = { store: memoryStore(), jwks: { keys: [await signingKey()] }, cookieKeys: [crypto.randomUUID()] }
  let provider: Provider
  const server = createIdpServer(() => provider, options.origins)
  const issuer = await listen(server, options.port)
  const make = (from: Policy) =>
    createProvider({
      ...{ ...kept, issuer, policy: from, clientSecret: options.clientSecret, accessTokenTtl: options.accessTokenTtl },
      redirectUris: options.origins.map((origin) => `${origin}/auth/callback`),
      postLogoutUris: options.origins.flatMap((origin) => [`${origin}/`, origin]),
    })
  provider = make(policy)
  const watcher = watchPolicy(options.dir, options.env, {
    changed: (next, said) => {
      provider = make(next)
      options.reread?.('changed', said)
    },
    refused: (said) => options.reread?.('refused', said),
  })
  return { issuer, notices: problems, close: () => close(server, watcher) }
}

async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

async function close(server: Server, watcher: { close(): void }): Promise<void> {
  watcher.close()
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
