// node only: it starts a process of its own
// A stage that blocks the event loop is named by a thread that is not blocked, also when it never gives the loop back.
import t from 'tap'
import { freePort, tempDir } from '../kit/bascule.ts'
import { startBridgeProcess } from '../kit/bridge-process.ts'
import { settings } from '../kit/default-profile.ts'

for (const runtime of ['node', 'deno'] as const) {
  t.test(runtime, async (t) => {
    const [port, adminPort] = [await freePort(), await freePort()]
    const dir = tempDir(t, {
      'settings.yaml': settings(`server: { port: ${port}, admin_port: ${adminPort} }`),
      'profiles/audience-bridge.yaml':
        'stages: [route-match, ./stuck.ts, session-auth, token-resolve, header-inject, forward, log]\n',
      'stuck.ts': `export default ({ defineStage }) => defineStage({ name: 'stuck', setup: () => () => ({ run() { for (;;); } }) })`,
      'routes.yaml': `
services: { api: { base_url: "http://127.0.0.1:9" } }
routes: [{ id: open, path: "/*", target_service: api, preserve_path: true, auth: none }]
`,
    })
    const bridge = await startBridgeProcess(t, dir, runtime)
    fetch(`http://127.0.0.1:${port}/`).catch(() => {})
    while (!bridge.output().includes('loop_blocked'))
      await new Promise((resolve) => bridge.child.stdout?.once('data', resolve))
    t.match(bridge.output(), /"stage":"\.\/stuck\.ts".*loop_blocked: stage \.\/stuck\.ts holds the event loop/)
    await bridge.end('SIGKILL')
  })
}
