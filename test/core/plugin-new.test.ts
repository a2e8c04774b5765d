// node only: what is written is run by node:test and tap, as its author would run it.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { planPlugin } from '../../core/plugin-new/new-plugin.ts'
import { root } from '../docs/blocks.ts'
import { compile } from '../docs/typecheck.ts'
import { tempDir } from '../kit/bascule.ts'
import { runCommand } from '../kit/run-command.ts'

function run(...argv: readonly string[]) {
  return runCommand(['plugin', ...argv])
}

/** What a test run prints, and whether it was good. */
function node(args: readonly string[], cwd: string) {
  return promisify(execFile)(process.execPath, args, { cwd, env: { PATH: process.env.PATH } })
}

t.test('in a folder of its own it is a package whose tests pass at once', async (t) => {
  const dir = tempDir(t, {})
  t.match(await run('new', 'slow-lane', '--dir', dir), {
    code: 0,
    out: /index\.test\.js[\s\S]*next: cd .* && npm install && npm test/,
    err: '',
  })
  t.same(readdirSync(dir).sort(), ['README.md', 'index.js', 'index.test.js', 'package.json'])
  const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
  t.match(manifest, { name: 'bascule-plugin-slow-lane', type: 'module', peerDependencies: { bascule: /^\^\d/ } })
  const bascule = join(dir, 'node_modules/bascule')
  mkdirSync(bascule, { recursive: true })
  writeFileSync(join(bascule, 'package.json'), '{ "type": "module", "exports": { "./testing": "./testing.js" } }')
  writeFileSync(
    join(bascule, 'testing.js'),
    `export * from '${pathToFileURL(join(root, 'plugins/testing/index.ts')).href}'\n`,
  )
  for (const name of ['zod', 'tsx']) symlinkSync(join(root, 'node_modules', name), join(dir, 'node_modules', name))
  t.match((await node(['--import=tsx', '--test', '--test-reporter=tap'], dir)).stdout, /^# pass 13\n# fail 0$/m)
})

t.test('in this repository it is one more built-in, typed and tested', async (t) => {
  const dir = tempDir(t, { 'package.json': '{ "name": "bascule", "type": "module" }' })
  mkdirSync(join(dir, 'test/plugins'), { recursive: true })
  mkdirSync(join(dir, 'plugins'))
  for (const path of ['core', 'node_modules', 'test/kit', 'plugins/testing', 'plugins/lib'])
    symlinkSync(join(root, path), join(dir, path))
  t.match(await run('new', 'slow-lane', '--dir', dir, '--json'), { code: 0, err: '' })
  const { stdout } = await node(['--import=tsx', 'test/plugins/slow-lane.test.ts'], dir)
  t.match(stdout, /^# \{ total: \d+, pass: \d+ \}$/m)

  const { files } = await planPlugin('slow-lane', dir, dir)
  const sources = Object.entries(files).filter(([path]) => path.endsWith('.ts'))
  t.same(compile(Object.fromEntries(sources.map(([path, text]) => [join(root, path), text]))), [], 'it compiles')
  const folder = tempDir(t, Object.fromEntries(sources))
  cpSync(join(root, 'biome.json'), join(folder, 'biome.json'))
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  t.match((await node([biome, 'check', '.'], folder)).stdout, /No fixes applied/, 'and is formatted as the rest')
})

t.test('nothing that is there is ever touched', async (t) => {
  const dir = tempDir(t, { 'README.md': 'mine' })
  const { code, err } = await run('new', 'quota', '--dir', dir)
  t.equal(code, 2)
  t.match(
    err,
    /^bascule: nothing was written: .* has README\.md already; take another name, or another folder with --dir\n$/,
  )
  t.equal(readFileSync(join(dir, 'README.md'), 'utf8'), 'mine')
  t.same(readdirSync(dir), ['README.md'])
})

t.test('without --dir: this repository, an empty folder, or a new one', async (t) => {
  const empty = tempDir(t, {})
  t.equal((await planPlugin('quota', undefined, empty)).dir, empty)
  const used = tempDir(t, { 'package.json': '{ "name": "an-app" }' })
  const planned = await planPlugin('quota', undefined, used)
  t.equal(planned.dir, join(used, 'quota'))
  t.same(planned.next, ['cd quota', 'npm install', 'npm test'])
  t.equal((await planPlugin('quota', undefined, root)).dir, root)
  t.notOk(existsSync(join(root, 'plugins/quota.ts')), 'planning writes nothing')
})

t.test('bad names are refused with a better one', async (t) => {
  const refused: Readonly<Record<string, RegExp>> = {
    RateLimit: /how about rate-limit$/,
    'rate limit!': /how about rate-limit$/,
    '../../etc': /how about etc$/,
    '9lives': /how about lives$/,
    '!!!': /at most 50 letters$/,
    forward: /^bascule: forward is the name of a built-in stage; take another$/,
  }
  for (const [name, why] of Object.entries(refused)) {
    const { code, err } = await run('new', name, '--dir', tempDir(t, {}))
    t.equal(code, 2, name)
    t.match(err.trimEnd(), why)
  }
  t.match(await run('nwe', 'x'), { code: 2, err: /plugin has no action nwe \(did you mean "new"\?\)/ })
})
