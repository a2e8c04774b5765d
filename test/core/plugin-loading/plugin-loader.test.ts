import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import { PluginLoader } from '../../../core/plugin-loading/plugin-loader.ts'
import { type TestLike, tempDir } from '../../kit/bascule.ts'

const stage = (name: string) =>
  `export default ({ defineStage }) => defineStage({ name: '${name}', setup: () => () => ({ run: (x) => x.proceed() }) })\n`

interface Package {
  readonly name: string
  readonly manifest?: object | string
  readonly files?: Readonly<Record<string, string>>
}

/** An app with packages in node_modules; its config lies a folder below, as people keep it. */
function app(t: TestLike, ...packages: readonly Package[]): string {
  const files = packages.flatMap(({ name, manifest = {}, files = { 'index.js': stage(name) } }) => {
    const home = `node_modules/${name}`
    const json = typeof manifest === 'string' ? manifest : JSON.stringify({ name, type: 'module', ...manifest })
    const sources = Object.entries(files).map(([file, text]) => [`${home}/${file}`, text])
    return [[`${home}/package.json`, json], ...sources]
  })
  const dir = join(tempDir(t, Object.fromEntries(files)), 'config')
  mkdirSync(dir)
  return dir
}

/** The name of the stage that was loaded, or what was said instead. */
async function load(dir: string, use: string, named: ConstructorParameters<typeof PluginLoader>[1] = {}) {
  try {
    return (await new PluginLoader(dir, named).load('stage', use)).name
  } catch (error) {
    return (error as Error).message
  }
}

t.test('a package is found from the config directory upwards', async (t) => {
  const dir = app(t, { name: 'acme-greeter' }, { name: '@acme/tenant' })
  t.equal(await load(dir, 'npm:acme-greeter'), 'acme-greeter')
  t.equal(await load(dir, 'npm:@acme/tenant'), '@acme/tenant')
  t.equal(await load(dir, 'tenant', { tenant: 'npm:@acme/tenant' }), '@acme/tenant', 'by a name of plugins:')
  t.equal(await load(dir, 'tenant', { tenant: '@acme/tenant' }), '@acme/tenant', 'there without npm: too')
})

t.test('its entry is the one its package.json names', async (t) => {
  const files = { 'lib/a.js': stage('a'), 'lib/b.js': stage('b'), 'lib/c.js': stage('c') }
  const entries: readonly (readonly [object, string, string])[] = [
    [{ main: './lib/a.js' }, '', 'a'],
    [{ main: 'lib/a' }, '', 'a'],
    [{ exports: './lib/b.js', main: './lib/a.js' }, '', 'b'],
    [{ exports: { import: './lib/b.js', require: './lib/a.js' } }, '', 'b'],
    [{ exports: { '.': { types: './x.d.ts', default: './lib/c.js' } } }, '', 'c'],
    [{ exports: { '.': { require: './lib/a.js' }, './stage': './lib/b.js' } }, '/stage', 'b'],
    [{ exports: { './*': './lib/*.js' } }, '/c', 'c'],
    [{}, '/lib/a.js', 'a'],
  ]
  for (const [manifest, subpath, wanted] of entries) {
    const dir = app(t, { name: 'acme', manifest, files })
    t.equal(await load(dir, `npm:acme${subpath}`), wanted, JSON.stringify(manifest))
  }
})

t.test('an export default is one where package.json says commonjs, or nothing', async (t) => {
  const written = (type: object) => ({
    'package.json': JSON.stringify({ name: 'app', ...type }),
    'config/a.js': stage('script'),
    'config/b.ts': stage('typed').replace(
      '({ defineStage })',
      '({ defineStage }: { defineStage: (s: object) => object })',
    ),
    'config/c.cjs': stage('common').replace('export default', 'module.exports ='),
  })
  for (const type of [{ type: 'commonjs' }, {}, { type: 'module' }]) {
    const dir = join(tempDir(t, written(type)), 'config')
    const names = await Promise.all(['./a.js', './b.ts', './c.cjs'].map((use) => load(dir, use)))
    t.same(names, ['script', 'typed', 'common'], JSON.stringify(type))
  }
})

t.test('a package without a usable entry is refused', async (t) => {
  const dir = app(
    t,
    { name: 'outside', manifest: { exports: './../acme/index.js' } },
    { name: 'gone', files: {} },
    { name: 'typed', manifest: { main: 'index.ts' }, files: { 'index.ts': stage('typed') } },
    { name: 'broken', manifest: '{' },
    { name: 'empty', files: { 'index.js': 'export const x = 1\n' } },
    { name: 'throws', files: { 'index.js': 'throw new Error("no luck")\n' } },
  )
  t.match(
    await load(dir, 'npm:outside'),
    /^package outside has no entry for \.: see main and exports in .*package\.json$/,
  )
  t.match(await load(dir, 'npm:gone'), /^package gone has no entry/)
  t.match(await load(dir, 'npm:typed'), /ships TypeScript .* a package must ship JavaScript$/)
  t.match(await load(dir, 'npm:broken'), /is no JSON object; install it anew$/)
  t.match(await load(dir, 'npm:empty'), /has no default export made by defineStage/)
  t.equal(await load(dir, 'npm:throws'), 'npm:throws cannot be loaded: no luck')
  t.match(await load(dir, 'npm:../config'), /names no package; write npm:NAME/)
})

t.test('a package for another version of the contract is refused', async (t) => {
  const peer = (range: unknown) => ({ peerDependencies: { bascule: range } })
  const dir = app(
    t,
    { name: 'fits', manifest: peer('>=0.1') },
    { name: 'future', manifest: peer('^99.0.0') },
    { name: 'odd', manifest: peer('workspace:*') },
  )
  t.equal(await load(dir, 'npm:fits'), 'fits')
  t.match(
    await load(dir, 'npm:future'),
    /^package future is made for bascule \^99\.0\.0, and this is \d.*; install a version of it that fits$/,
  )
  t.match(await load(dir, 'npm:odd'), /peerDependencies\.bascule is "workspace:\*", which is no version range$/)
})

t.test('a reload gets the same plugin again, so what is shared by plugin lives on', async (t) => {
  const dir = app(t, { name: 'acme' })
  const first = await new PluginLoader(dir, {}).load('stage', 'npm:acme')
  t.equal(await new PluginLoader(dir, {}).load('stage', 'npm:acme'), first)
})

t.test('code from elsewhere needs leave, and Deno', async (t) => {
  const dir = app(t)
  t.match(await load(dir, 'jsr:@acme/tenant'), /would be fetched from elsewhere; name it in settings\.yaml/)
  t.match(await load(dir, 'https://acme.example/t.js'), /allow_remote: true/)
  if (process.versions.deno !== undefined) return
  const remote = (url: string) => ({ tenant: { url, allow_remote: true as const } })
  t.equal(
    await load(dir, 'tenant', remote('jsr:@acme/tenant@^1')),
    'jsr:@acme/tenant@^1 can be loaded on Deno only; on Node: npx jsr add @acme/tenant, and name npm:@jsr/acme__tenant',
  )
  t.match(
    await load(dir, 'tenant', remote('https://acme.example/t.js')),
    /save it beside the config and name \.\/file\.js$/,
  )
})
