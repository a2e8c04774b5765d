// node only: it starts Deno by itself, on what npm packed.
// alone: packing builds dist/ in the checkout.
// timeout: 240s
// The author's path, from outside the repository: install the package, write a plugin, test it, pack it, use it in a profile.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fakeUpstream } from '../../core/testing/index.ts'
import { type TestLike, tempDir } from '../kit/bascule.ts'
import { execute, filesIn, install, pack, readManifest } from '../kit/packed.ts'

const root = fileURLToPath(new URL('../../', import.meta.url)).slice(0, -1)
const deno = join(root, 'node_modules/deno/deno')
const app = tempDir(t, { 'package.json': '{ "name": "app", "private": true, "type": "module" }\n' })
const home = await install(await pack(root, app), app)

t.test(
  'the package has JavaScript with its source maps, types and what is read at run time, and nothing else',
  async (t) => {
    const files = filesIn(home)
    const strays = files.filter(
      (name) => !/^(dist\/.+\.(js|js\.map|d\.ts)|docs\/(stages\/)?[\w-]+\.md|core\/bin\/bascule\.js)$/.test(name),
    )
    t.same(strays.sort(), [
      'LICENSE',
      'README.md',
      'dist/config/profiles/audience-bridge.yaml',
      'dist/docs/configuration.md',
      'dist/package.json',
      'package.json',
    ])
    const { dependencies } = readManifest(home)
    const bare = /^(?:import|export) .*?from '([^'./][^']*)'|^import '([^'./][^']*)'/gm
    const imported = files
      .filter((name) => name.endsWith('.js'))
      .flatMap((name) =>
        [...readFileSync(join(home, name), 'utf8').matchAll(bare)].map(([, from, alone]) => (from ?? alone)!),
      )
      .map((text) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(text)![1]!)
      .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name))
    const known = [...Object.keys(dependencies!), 'bascule']
    t.same(
      [...new Set(imported)].filter((name) => !known.includes(name)),
      [],
      'what it imports npm installs with it',
    )
  },
)

const greeter = join(app, 'greeter')

t.test('npx bascule runs what was installed', async (t) => {
  const { stdout } = await execute('npx', ['--no-install', 'bascule', '--version'], app)
  t.equal(stdout.trim(), (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version)
  const made = await execute('npx', ['--no-install', 'bascule', 'plugin', 'new', 'greeter', '--json'], app)
  t.match(JSON.parse(made.stdout), { ok: true, dir: greeter, next: ['cd greeter', 'npm install', 'npm test'] })
})

t.test("the new plugin's tests pass at once, on both runtimes, and its types hold", async (t) => {
  const onNode = await execute(process.execPath, ['--test', '--test-reporter=tap'], greeter)
  t.match(onNode.stdout, /^# pass 13\n# fail 0$/m)
  const onDeno = await execute(deno, ['test', '-A', '--no-check', '--quiet', 'index.test.js'], greeter)
  t.match(onDeno.stdout, /13 passed .*0 failed/)
  const flags =
    '--noEmit --allowJs --checkJs --strict --module nodenext --target es2022 --skipLibCheck --types node'.split(' ')
  const types = ['--typeRoots', join(root, 'node_modules/@types')]
  await execute(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), ...flags, ...types, 'index.js', 'index.test.js'],
    greeter,
  )
})

t.test('a plugin in TypeScript is checked against the packed types', async (t) => {
  const source = `import { defineStage, type Kit } from 'bascule'
import { forward } from 'bascule/stages'
import type { Minter } from 'bascule/testing'
export interface Tenant { readonly id: string }
declare module 'bascule' {
  interface Slots { 'acme/tenant': Tenant }
}
export const own = defineStage({
  name: 'own',
  needs: ['route', 'session'],
  provides: ['acme/tenant'],
  setup: () => (route) => ({ run: (x) => x.proceed({ 'acme/tenant': { id: route.id + x.get('session').sub } }) }),
})
export default ({ defineStage }: Kit) =>
  defineStage({ name: 'reader', needs: ['acme/tenant'], setup: () => () => ({ run: (x) => x.reply(200, x.get('acme/tenant').id) }) })
export const name: string = forward.name
export type Spends = Minter['spends']
`
  mkdirSync(join(app, 'typed'))
  writeFileSync(join(app, 'typed/own.ts'), source)
  writeFileSync(join(app, 'typed/wrong.ts'), source.replace("{ id: route.id + x.get('session').sub }", '{ id: 1 }'))
  const flags = '--noEmit --strict --module nodenext --target es2022 --skipLibCheck --types node'.split(' ')
  const check = (file: string) =>
    execute(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), ...flags, '--typeRoots', join(root, 'node_modules/@types'), file],
      join(app, 'typed'),
    )
  await check('own.ts')
  await t.rejects(check('wrong.ts'), { message: /wrong\.ts\(\d+,.*Type 'number' is not assignable to type 'string'/ })
})

t.test('packed and installed elsewhere, it greets in a profile, on both runtimes', async (t) => {
  const upstream = await fakeUpstream(({ url }) => ({ body: `at ${url}` }))
  t.teardown(() => upstream.close())
  await install(await pack(greeter, app), app)
  const config = {
    'settings.yaml':
      'profile: greeting\nserver: { port: 0, admin_port: 0 }\nplugins: { greeter: "npm:bascule-plugin-greeter" }\n',
    'routes.yaml': `services: { api: { base_url: "${upstream.url}" } }
routes: [{ id: api, path: /api/*, target_service: api, preserve_path: true, auth: none }]
`,
    'profiles/greeting.yaml':
      'stages: [route-match, { use: greeter, with: { greeting: ahoy } }, ./mark.ts, header-inject, forward, log]\n',
    // A team's own file beside a package: TypeScript, loaded by the packed program.
    'mark.ts': `export default ({ defineStage }: import('bascule').Kit) => defineStage({
  name: 'mark',
  setup: () => () => ({ response(_x, head) { head.headers.set('X-Mark', 'own') }, run: (x) => x.proceed() }),
})
`,
  }
  mkdirSync(join(app, 'config/profiles'), { recursive: true })
  for (const [name, text] of Object.entries(config)) writeFileSync(join(app, 'config', name), text)
  const checked = await execute('npx', ['--no-install', 'bascule', 'check'], app)
  t.match(checked.stdout, /^ok: 1 route, 0 endpoints, 1 service \(profile greeting\)/)
  const launcher = join(app, 'node_modules/.bin/bascule')
  chmodSync(launcher, 0o755)
  const ways = {
    node: [process.execPath, launcher],
    deno: [deno, 'run', '-A', '--quiet', join(home, 'dist/core/cli.js')],
  }
  for (const [runtime, [command, ...args]] of Object.entries(ways)) {
    const { child, listening } = await started(t, command!, [...args, 'start'])
    const answer = await fetch(`${listening}/api/x`)
    t.equal(await answer.text(), 'at /api/x', runtime)
    t.equal(answer.headers.get('x-greeter'), 'ahoy')
    t.equal(answer.headers.get('x-mark'), 'own')
    child.kill('SIGTERM')
    t.same(await once(child, 'exit'), [0, null], `${runtime} ends by a signal`)
  }
})

t.test("a team's own file is taken in a project as npm init writes it, too", async (t) => {
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "commonjs" }\n')
  const { stdout } = await execute('npx', ['--no-install', 'bascule', 'check'], app)
  t.match(stdout, /^ok: 1 route/)
})

/** Where it listens, once it says that it is ready. */
function started(t: TestLike, command: string, args: readonly string[]) {
  const child = spawn(command, args, { cwd: app, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } })
  t.teardown(() => child.kill('SIGKILL'))
  return new Promise<{ readonly child: ChildProcess; readonly listening: string }>((resolve, reject) => {
    let said = ''
    const read = (text: string) => {
      said += text
      const line = said.split('\n').find((one) => one.includes('bascule ready'))
      if (line) resolve({ child, listening: (JSON.parse(line) as { listening: string }).listening })
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', read)
    child.on('exit', (code) => reject(new Error(`it ended with ${code} before it was ready:\n${said}`)))
  })
}
