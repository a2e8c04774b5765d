// The package of examples/plugin-package, packed, installed into an app as anybody would, and used there on both runtimes.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import { loadConfig } from '../../core/load/load-config.ts'
import { blocksOf, readPage, root } from '../docs/blocks.ts'
import { type TestLike, tempDir } from '../kit/bascule.ts'
import { settings } from '../kit/default-profile.ts'
import { startExample } from '../kit/example.ts'
import { loginByFetch } from '../kit/login.ts'

const readme = readPage('examples/plugin-package/README.md')
const block = (title: string) => blocksOf(readme).find(({ info }) => info === `title=${title}`)!.text
const npm = (args: readonly string[], cwd: string) =>
  execFileSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', [...args, '--offline', '--no-audit', '--no-fund'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })

/** An app with the package in its node_modules. */
function installed(t: TestLike): string {
  const app = tempDir(t, { 'package.json': '{ "private": true }' })
  const [tarball] = npm(['pack', join(root, 'examples/plugin-package'), '--silent'], app)
    .trim()
    .split('\n')
    .slice(-1)
  npm(['install', `./${tarball}`, '--silent'], app)
  return app
}

for (const runtime of ['node', 'deno'] as const) {
  t.test(`the installed package greets on ${runtime}`, async (t) => {
    const { origin } = await startExample(t, runtime, installed(t), {
      settings: block('settings.yaml'),
      files: () => ({ 'profiles/greeted.yaml': block('profiles/greeted.yaml') }),
    })
    const ada = await loginByFetch(origin)
    const answer = await ada.fetch('/api/crud/forms/1')
    t.match([answer.status, answer.headers.get('x-greeting')], [200, /^Welcome back, [A-Za-z ]+!$/])
    t.equal(
      (await fetch(`${origin}/api/crud/forms/1`)).headers.get('x-greeting'),
      null,
      'nobody is greeted without a session',
    )
  })
}

t.test('a mistake in its options is told at its place', async (t) => {
  const dir = installed(t)
  const list = (options: string) =>
    `stages: [route-match, session-auth, { use: greeter, with: ${options} }, token-resolve, header-inject, forward, log]\n`
  writeFileSync(join(dir, 'settings.yaml'), settings(block('settings.yaml')))
  writeFileSync(join(dir, 'routes.yaml'), 'services: {}\nroutes: []\n')
  mkdirSync(join(dir, 'profiles'))
  for (const [options, message] of [
    ['{ greting: Hi }', /unknown key "greting"; there is greeting/],
    ['{ greeting: "" }', /must be up to 40 printable ASCII characters/],
  ] as const) {
    writeFileSync(join(dir, 'profiles/greeted.yaml'), list(options))
    const { report } = await loadConfig({ dir, env: {} })
    const said = report.problems.filter(({ severity }) => severity === 'error')
    t.match(said, [{ message, place: { file: /greeted\.yaml$/, line: 1 } }])
    t.equal(said.length, 1)
  }
})
