// examples/embed as its README says it, on both runtimes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import { blocksOf, readPage, root } from '../docs/blocks.ts'
import { curlsOf, differences } from '../docs/console.ts'
import { startBackend } from '../kit/backend.ts'
import { freePort, type TestLike } from '../kit/bascule.ts'
import { loginByFetch } from '../kit/login.ts'
import { analyticsAudience, crudAudience, startStrictIdp } from '../kit/strict-idp.ts'

const main = join(root, 'examples/embed/main.ts')
const commands = {
  node: [process.platform === 'win32' ? 'node.exe' : 'node', '--import=tsx', main],
  deno: [join(root, 'node_modules/deno/deno'), 'run', '-A', '--quiet', main],
} as const

interface Program {
  readonly output: () => string
  end(): Promise<unknown>
}

async function start(t: TestLike, runtime: keyof typeof commands, env: Record<string, string>): Promise<Program> {
  const [program, ...args] = commands[runtime]
  const child = spawn(program, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  const listening = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (output.includes('listening on')) resolve()
      })
    }
    child.on('exit', (code) => reject(new Error(`it ended with ${code}:\n${output}`)))
  })
  await listening
  const exited = once(child, 'exit')
  return {
    output: () => output,
    async end() {
      child.kill('SIGTERM')
      const [code] = await exited
      return code
    },
  }
}

for (const runtime of ['node', 'deno'] as const) {
  t.test(`a server with routes of its own and a bridge in it, on ${runtime}`, async (t) => {
    const idp = await startStrictIdp({ clientId: 'bff-server', clientSecret: 'a-secret-of-the-test' })
    const analytics = await startBackend({ issuer: idp.issuer, audience: analyticsAudience })
    const crud = await startBackend({ issuer: idp.issuer, audience: crudAudience })
    t.teardown(() => Promise.all([idp.close(), analytics.close(), crud.close()]))
    const port = await freePort()
    const origin = `http://localhost:${port}`
    const program = await start(t, runtime, {
      PORT: String(port),
      ISSUER: idp.issuer,
      BFF_CLIENT_SECRET: idp.clientSecret,
      ANALYTICS_URL: analytics.url,
      CRUD_URL: crud.url,
    })

    t.match(await (await fetch(origin)).text(), /Sign in/, 'its own page')
    t.equal((await fetch(`${origin}/elsewhere`)).status, 404, 'its own 404')
    const ada = await loginByFetch(origin)
    const workflows = await ada.fetch('/api/v1/analytics/workflows')
    t.match([workflows.status, await workflows.json()], [200, { claims: { aud: analyticsAudience, sub: 'ada' } }])
    const form = { method: 'PUT', body: 'x'.repeat(100_000), headers: { 'sec-fetch-site': 'same-origin' } }
    const put = await ada.fetch('/api/crud/forms/1', form)
    t.match([put.status, await put.json()], [200, { claims: { aud: crudAudience, sub: 'ada' } }])

    const asked = blocksOf(readPage('examples/embed/README.md')).flatMap(({ text }) =>
      /^\$ curl/.test(text) ? curlsOf(text.replaceAll('http://localhost:3000', origin)) : [],
    )
    t.equal(asked.length, 3)
    for (const { line, path, init, expected } of asked)
      t.same(await differences(await fetch(origin + path, init), expected), [], line)
    t.equal((await ada.fetch('/api/crud/forms/1', form)).status, 503, 'its switch is on')
    t.equal((await ada.fetch('/api/v1/analytics/workflows')).status, 200, 'reading goes on')
    t.equal(await program.end(), 0, 'SIGTERM ends it')
    t.match(program.output(), /"token_found=True service=analytics_service"/, 'with the lines of the bridge')
    t.notMatch(program.output(), /eyJ|a-secret-of-the-test/)
  })
}
