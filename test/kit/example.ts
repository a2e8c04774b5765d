import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startBackend, type TestBackend } from './backend.ts'
import { freePort, type TestLike } from './bascule.ts'
import { type BridgeOptions, bridgeFiles } from './bridge.ts'
import { startBridgeProcess } from './bridge-process.ts'
import { analyticsAudience, crudAudience, startStrictIdp } from './strict-idp.ts'

interface RunningExample {
  /** As the user's browser knows it. */
  readonly origin: string
  readonly analytics: TestBackend
  readonly crud: TestBackend
  /** What the program wrote so far. */
  readonly output: () => string
}

/** The program on one of the runtimes, with its config in `dir`, a strict identity provider and two services that verify. */
export async function startExample(
  t: TestLike,
  runtime: 'node' | 'deno',
  dir: string,
  options: BridgeOptions,
): Promise<RunningExample> {
  const idp = await startStrictIdp(options)
  const analytics = await startBackend({ issuer: idp.issuer, audience: analyticsAudience })
  const crud = await startBackend({ issuer: idp.issuer, audience: crudAudience })
  t.teardown(() => Promise.all([idp.close(), analytics.close(), crud.close()]))
  const [port, adminPort] = [await freePort(), await freePort()]
  const files = bridgeFiles({ idp, analytics, crud, port }, options)
  const settings = files['settings.yaml']?.replace('server: {', `server: { admin_port: ${adminPort},`) ?? ''
  for (const [name, text] of Object.entries({ ...files, 'settings.yaml': settings })) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  const { output } = await startBridgeProcess(t, dir, runtime)
  return { origin: `http://localhost:${port}`, analytics, crud, output }
}
