import { startBackend, type TestBackend } from './backend.ts'
import { freePort, type RunningBascule, startBascule, type TestLike, tempDir } from './bascule.ts'
import { bridgeFiles } from './bridge.ts'
import { type BridgeProcess, startBridgeProcess } from './bridge-process.ts'
import { loopbackStore } from './loopback-store.ts'
import { type StoreServer, startStoreServer } from './store-server.ts'
import { analyticsAudience, crudAudience, type StrictIdp, type StrictIdpOptions, startStrictIdp } from './strict-idp.ts'

export interface SharedBridge {
  readonly idp: StrictIdp
  readonly store: StoreServer
  readonly analytics: TestBackend
  readonly crud: TestBackend
  /** The one bridge in this process, where users sign in. */
  readonly bascule: RunningBascule
  readonly origin: string
  /** Another bridge in this process, on the same sessions. */
  beside(name: string): Promise<RunningBascule>
  /** Another as a process, which may be killed. */
  process(name: string): Promise<BridgeProcess & { readonly url: string }>
}

interface SharedBridgeOptions extends StrictIdpOptions {
  /** Instead of the backend of analytics_service. */
  readonly analyticsUrl?: string
  readonly settings?: string
}

/** Several bridges on one session store, with one identity provider and two services. */
export async function startSharedBridge(t: TestLike, options: SharedBridgeOptions = {}): Promise<SharedBridge> {
  const idp = await startStrictIdp(options)
  const store = await startStoreServer()
  const analytics = await startBackend({ issuer: idp.issuer, audience: analyticsAudience })
  const crud = await startBackend({ issuer: idp.issuer, audience: crudAudience })
  t.teardown(() => Promise.all([idp.close(), store.close(), analytics.close(), crud.close()]))
  const publicPort = await freePort()
  const files = (name: string, port: number) => {
    const { files, session } = loopbackStore(store.port, name)
    const { analyticsUrl: url = analytics.url, settings = '' } = options
    const peers = { idp, analytics: { ...analytics, url }, crud, port: publicPort }
    const all = bridgeFiles(peers, { settings: `${session}\n${settings}`, files: () => files })
    return {
      ...all,
      'settings.yaml': all['settings.yaml']!.replace(`port: ${publicPort}`, `port: ${port}, admin_port: 0`),
    }
  }
  const bascule = await startBascule(t, files('first', publicPort), { port: publicPort })
  return {
    ...{ idp, store, analytics, crud, bascule },
    origin: `http://localhost:${publicPort}`,
    async beside(name) {
      return startBascule(t, files(name, 0))
    },
    async process(name) {
      const child = await startBridgeProcess(t, tempDir(t, { ...files(name, 0), 'package.json': '{"type":"module"}' }))
      const ready = child
        .output()
        .split('\n')
        .find((line) => line.includes('bascule ready'))
      return { ...child, url: (JSON.parse(ready ?? '{}') as { listening: string }).listening }
    },
  }
}
