// node only: golden cases of the config are read from test/config/, which runs on Node.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { runCli } from '../../core/commands/run-cli.ts'
import { loadConfig } from '../../core/load/load-config.ts'
import { type ConfigSchemas, configSchemas } from '../../core/schema/config-schemas.ts'
import { knownPlugins } from '../../core/schema/known-plugins.ts'
import { root } from '../docs/blocks.ts'
import { tempDir } from '../kit/bascule.ts'
import { faultsOf } from '../kit/json-schema.ts'

async function schemasOf(dir: string, env: Readonly<Record<string, string>> = {}): Promise<ConfigSchemas> {
  const { config, report } = await loadConfig({ dir, env })
  if (!config) throw new Error(report.problems.map(({ message }) => message).join('; '))
  return configSchemas(await knownPlugins(config))
}

/** What an editor would mark, over all files of a directory. */
function marksIn(dir: string, schemas: ConfigSchemas): string[] {
  const profiles = existsSync(join(dir, 'profiles'))
    ? readdirSync(join(dir, 'profiles')).map((name) => `profiles/${name}`)
    : []
  const files = ['settings.yaml', 'routes.yaml', ...profiles].filter((name) => existsSync(join(dir, name)))
  return files.flatMap((name) => {
    const schema = name.startsWith('profiles/')
      ? schemas.profile
      : schemas[basename(name, '.yaml') as 'settings' | 'routes']
    return faultsOf(schema, parse(readFileSync(join(dir, name), 'utf8')) ?? {}, name)
  })
}

t.test('the default configuration fits', async (t) => {
  const dir = join(root, 'config')
  t.same(marksIn(dir, await schemasOf(dir)), [])
})

const minimal = {
  'settings.yaml': "auth: { issuer: 'http://localhost:1', client_id: c, client_secret: 'file:secret' }\n",
  secret: 's',
  'routes.yaml': "services: { api: { base_url: 'http://localhost:2' } }\nroutes: []\n",
}

/** The files as one mistake leaves them. */
const typos: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'settings.yaml.sesion must not be there': { 'settings.yaml': 'sesion: {}\n' },
  'settings.yaml.session.idle_timeut must not be there': { 'settings.yaml': 'session: { idle_timeut: 1h }\n' },
  'settings.yaml.server.port does not fit type integer': { 'settings.yaml': 'server: { port: high }\n' },
  'settings.yaml.session.store': {
    'settings.yaml': 'session: { store: { use: memory, with: { max_entrys: 1 } } }\n',
  },
  'settings.yaml.session.store does not fit enum memory': { 'settings.yaml': 'session: { store: memroy }\n' },
  'routes.yaml.routes[0].target_service is required': {
    'routes.yaml': 'services: {}\nroutes: [{ id: a, path: /a, preserve_path: true }]\n',
  },
  'routes.yaml.routes[0].encoded_slash does not fit enum reject,keep': {
    'routes.yaml': 'services: {}\nroutes: [{ id: a, path: /a, target_service: x, encoded_slash: no }]\n',
  },
  'profiles/p.yaml.stages[0] does not fit enum': { 'profiles/p.yaml': 'stages: [route-mtach, forward]\n' },
  'profiles/p.yaml.insert[0]': {
    'profiles/p.yaml':
      'extends: audience-bridge\ninsert: [{ use: ./limit.js, with: { limt: 1 }, after: route-match }]\n',
  },
}

const limit = `import { z } from 'zod'
export default ({ defineStage }) => defineStage({
  name: 'limit',
  options: z.strictObject({ limit: z.int().describe('how many') }),
  routeKeys: { burst: z.int().optional() },
  sections: { limits: { schema: z.strictObject({ window: z.string() }).optional() } },
  setup: () => () => ({ run: (x) => x.proceed() }),
})
`
/** A config whose own plugin brings options, a route key and a section. */
const own = {
  ...minimal,
  'limit.js': limit.replace("'zod'", JSON.stringify(import.meta.resolve('zod'))),
  'package.json': '{ "type": "module" }',
  'settings.yaml': `${minimal['settings.yaml']}profile: p\nlimits: { window: 1m }\nserver:\n  port: \${PORT:-8080}\n`,
  'profiles/p.yaml':
    'extends: audience-bridge\ninsert: [{ use: ./limit.js, with: { limit: 1 }, after: route-match }]\n',
}

t.test('a plugin of the config is in its schemas, and a typo is marked', async (t) => {
  const dir = tempDir(t, own)
  const schemas = await schemasOf(dir)
  t.same(marksIn(dir, schemas), [])
  t.match(JSON.stringify(schemas.profile), '"description":"how many"')
  t.match(schemas.routes, { properties: { routes: { items: { properties: { burst: {} } } } } })
  t.match(schemas.settings, { properties: { limits: {} } })
  for (const [mark, files] of Object.entries(typos)) {
    const marks = marksIn(tempDir(t, { ...own, ...files }), schemas)
    t.ok(marks.length > 0 && marks[0]!.startsWith(mark), `${mark}: ${marks[0]}`)
  }
})

t.test('a service that options of a stage name is told by its kind, and what it takes', async (t) => {
  const withSink = (sink: string) => ({
    ...minimal,
    'profiles/audience-bridge.yaml': `stages: [route-match, session-auth, token-resolve, header-inject, forward, { use: log, with: { sink: ${sink} } }]\n`,
  })
  const schemas = await schemasOf(tempDir(t, withSink('{ use: file, with: { path: a.log } }')))
  const marks = (sink: string) => marksIn(tempDir(t, withSink(sink)), schemas)
  t.same(marks('{ use: file, with: { path: b.log } }'), [])
  t.same(marks('./sink.ts'), [])
  t.match(marks('{ use: file, with: { pth: b.log } }').join(), /stages\[5\]/)
  t.match(marks('fil').join(), /stages\[5\]/)
})

t.test('descriptions are those of the reference page', async (t) => {
  const { settings, routes } = await schemasOf(join(root, 'config'))
  t.match(settings, { properties: { server: { properties: { port: { description: '`--port` wins' } } } } })
  t.match(routes, { properties: { routes: { items: { properties: { path: { description: /trailing/ } } } } } })
})

t.test('what check takes is never marked: every golden case that is good', async (t) => {
  let tried = 0
  for (const name of readdirSync(join(root, 'test/config')).filter((file) => file.endsWith('.txt'))) {
    const [input = '', expected = ''] = readFileSync(join(root, 'test/config', name), 'utf8').split('\n-----\n')
    if (!expected.startsWith('exit 0')) continue
    const { files, env } = caseOf(input)
    const dir = tempDir(t, { ...base(), ...files })
    t.same(marksIn(dir, await schemasOf(dir, env)), [], name)
    tried++
  }
  t.ok(tried >= 3, `${tried} cases`)
})

function base(): Record<string, string> {
  const dir = join(root, 'test/config/base')
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name))
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(dir, name), 'utf8')]))
}

function caseOf(input: string) {
  const parts = input.split(/^--- (file|env|args): (.*)$/m).slice(1)
  const files: Record<string, string> = {}
  const env: Record<string, string> = {}
  for (let i = 0; i < parts.length; i += 3) {
    const [kind, given = '', text = ''] = parts.slice(i)
    const [name = '', value = ''] = given.split('=')
    if (kind === 'file') files[given] = text.slice(1)
    if (kind === 'env') env[name] = value
  }
  return { files, env }
}

t.test('the command writes files, or prints one object, also for a config that cannot be loaded', async (t) => {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (text: string) => out.push(text), err: (text: string) => err.push(text), env: {} }
  const dir = mkdtempSync(join(tmpdir(), 'bascule-schema-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  t.equal(await runCli(['schema', '--config', join(root, 'config'), '--out', dir, '--json'], io), 0)
  const names = ['profile.schema.json', 'routes.schema.json', 'settings.schema.json']
  t.same(readdirSync(dir).sort(), names)
  t.same(
    JSON.parse(out.join('')).files.sort(),
    names.map((name) => join(dir, name)),
  )
  t.same(err, [])
  out.length = 0
  t.equal(await runCli(['schema', '--config', join(dir, 'none')], io), 0)
  t.same(Object.keys(JSON.parse(out.join(''))), ['settings', 'routes', 'profile'])
  t.match(err.join(''), /bascule check says why/)
})
