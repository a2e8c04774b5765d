// timeout: 120s
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { runDev, startDevStack } from '../kit/dev-stack.ts'
import { loginByFetch } from '../kit/login.ts'

t.setTimeout(110_000)

interface Package {
  readonly scripts: { readonly start: string }
}
interface Ready {
  readonly ports: Readonly<Record<string, number>>
}

/** Resolves once whoever listens there has closed this connection, at the latest by ending. */
async function untilHungUp(port: number): Promise<() => Promise<unknown>> {
  const socket = connect(port, '127.0.0.1')
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.on('error', () => undefined).resume()
  await once(socket, 'connect')
  return () => closed
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

async function takenPort(t: Test): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('one command: login, both services, each with a token of its own, logout', async (t) => {
  const stack = await startDevStack(t)
  const browser = await loginByFetch(stack.url, { user: 'ada' })

  const workflows = await browser.fetch('/api/v1/analytics/workflows')
  t.equal(workflows.status, 200)
  t.match(await workflows.json(), {
    workflows: [{ id: 'wf-7041' }],
    seen: {
      verified: { aud: 'https://analytics.ocg.labs.empowernow.ai', sub: 'ada', scope: 'application.all' },
      received: { cookie: 'absent', x_original_user: /^auth:account:[^:]+:ada$/ },
    },
  })
  const form = await browser.fetch('/api/crud/forms/1')
  t.match(await form.json(), { form: { id: 1 }, seen: { verified: { aud: 'https://crud.ocg.labs.empowernow.ai' } } })
  await stack.line('token_found=True service=analytics_service')
  await stack.line('token_found=True service=crud_service')

  const logout = await browser.fetch('/auth/logout', { method: 'POST' })
  const { logout_url } = (await logout.json()) as { readonly logout_url: string }
  t.match(logout_url, /session\/end\?.*id_token_hint=/)
  t.equal((await browser.fetch('/api/crud/forms/1')).status, 401)
  t.notMatch(stack.output.join('\n'), /warning|oidc-provider (NOTICE|WARNING)/, 'a first start warns of nothing')
})

t.test('everything ends with it, on SIGTERM and on kill -9', async (t) => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const stack = await startDevStack(t)
    const ports = Object.values(stack.ports)
    const hungUp = await Promise.all(ports.map(untilHungUp))
    const gone = once(stack.process, 'exit')
    // Not child.kill: Deno then reports the signal, whatever code the child ended with.
    process.kill(stack.process.pid!, signal)
    const [code] = await gone
    if (signal === 'SIGTERM') t.equal(code, 0, stack.output.join('\n'))
    await Promise.all(hungUp.map((wait) => wait()))
    for (const port of ports) t.ok(await isFree(port), `after ${signal} nobody holds port ${port}`)
  }
})

t.test('a kill of npm start stops everything, too', async (t) => {
  const start = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Package).scripts
    .start
  const ports = ['', 'admin-', 'idp-', 'analytics-', 'crud-', 'spa-'].map((name) => `--${name}port=0`)
  // As npm runs it: by a shell, which hears the signal and passes nothing on. The second command keeps it from becoming node itself.
  const shell = spawn('sh', ['-c', `${start} ${ports.join(' ')} --json; true`], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.teardown(() => shell.kill('SIGKILL'))
  let said = ''
  for await (const piece of shell.stdout.setEncoding('utf8')) {
    said += piece
    if (said.includes('bascule dev ready') && said.endsWith('\n')) break
  }
  const ready = said.split('\n').find((line) => line.includes('bascule dev ready'))!
  const hungUp = await Promise.all(Object.values((JSON.parse(ready) as Ready).ports).map(untilHungUp))
  shell.kill('SIGTERM')
  await Promise.all(hungUp.map((wait) => wait()))
})

t.test('a taken port is an error that names it, and stops the rest', async (t) => {
  const taken = await takenPort(t)
  const others = ['admin-', 'analytics-', 'spa-'].map((name) => `--${name}port=0`)
  const child = runDev(t, [...others, '--port=0', '--crud-port=0', `--idp-port=${taken}`])
  t.equal(await child.ended, 1)
  const said = `port ${taken} (dev IdP) is taken: stop what uses it, or choose another with --idp-port`
  t.ok(child.output.includes(said), said)

  const bridge = runDev(t, [...others, '--idp-port=0', '--crud-port=0', `--port=${taken}`])
  t.equal(await bridge.ended, 1)
  t.match(bridge.output.join('\n'), new RegExp(`port ${taken} \\(bridge\\) is taken.*--port`))
})
