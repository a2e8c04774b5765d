// docs/configuration.md has every key of the schemas, with its default, and no other.
import t from 'tap'
import { z } from 'zod'
import { coreRouteSchema } from '../../core/config/route-schema.ts'
import { coreSettings, profileSchema, servicesSchema } from '../../core/config/schemas.ts'
import { loadConfig } from '../../core/load/load-config.ts'
import { builtIns, PluginLoader } from '../../core/plugin-loading/plugin-loader.ts'
import type { StandardSchemaV1 } from '../../core/standard-schema.ts'
import { pdpSection } from '../../plugins/lib/authz/authz-settings.ts'
import { sections } from '../../plugins/lib/settings/settings.ts'
import { tempDir } from '../kit/bascule.ts'
import { blocksOf, linkPackages, readPage, rowsOf } from './blocks.ts'

const page = readPage('docs/configuration.md')

type Json = { readonly [key: string]: unknown }

/** Key → default, as far as JSON Schema can say it; `undefined`: none, or not to be said. */
type Keys = Map<string, unknown>

function keysOf(prefix: string, schema: StandardSchemaV1): Keys {
  const json = z.toJSONSchema(schema as unknown as z.ZodType, { io: 'input', unrepresentable: 'any' })
  return new Map(leavesOf(prefix, json as Json))
}

function* leavesOf(name: string, schema: Json): Generator<[string, unknown]> {
  const map = [schema, ...((schema.anyOf ?? []) as Json[])].find(({ type }) => type === 'object') ?? {}
  const properties = (map.properties ?? {}) as Readonly<Record<string, Json>>
  const named = map.additionalProperties as Json | undefined
  if (Object.keys(properties).length > 0 && !('use' in properties)) {
    for (const [key, inner] of Object.entries(properties)) yield* leavesOf(name ? `${name}.${key}` : key, inner)
  } else if (named?.properties) yield* leavesOf(`${name}.NAME`, named)
  else yield [name, schema.default]
}

async function routeKeys(): Promise<Readonly<Record<string, StandardSchemaV1>>> {
  const loader = new PluginLoader('.', {})
  const stages = await Promise.all((await builtIns('stage')).map((name) => loader.load('stage', name)))
  return Object.assign({}, ...stages.map((stage) => stage.routeKeys ?? {}))
}

const sectionsOf = {
  profile: () => keysOf('profile', coreSettings.profile),
  server: () => keysOf('server', coreSettings.server),
  auth: () => keysOf('auth', sections.auth.schema),
  session: () => keysOf('session', sections.session.schema),
  'Services and tokens': () =>
    together(
      keysOf('service_audiences', sections.service_audiences.schema),
      keysOf('service_scopes', sections.service_scopes.schema),
      keysOf('service_tokens', sections.service_tokens.schema),
    ),
  'The rest': () =>
    together(
      keysOf('cors', sections.cors.schema),
      keysOf('log', coreSettings.log),
      keysOf('plugins', coreSettings.plugins),
      keysOf('pdp', pdpSection.schema),
    ),
  services: () => keysOf('services', servicesSchema),
  routes: async () =>
    together(
      keysOf('routes[]', coreRouteSchema([])),
      ...Object.entries(await routeKeys()).map(([key, schema]) => keysOf(`routes[].${key}`, schema)),
    ),
  'profiles/NAME.yaml': () => keysOf('', profileSchema),
} as const

function together(...all: readonly Keys[]): Keys {
  return new Map(all.flatMap((keys) => [...keys]))
}

/** As the page writes a default. */
function written(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

t.test('the page has every key of the schemas with its default, and no other', async (t) => {
  for (const [heading, read] of Object.entries(sectionsOf)) {
    const keys = await read()
    const rows = rowsOf(page, heading)
    t.same(rows.map(([key]) => key!.replaceAll('`', '')).sort(), [...keys.keys()].sort(), heading)
    for (const [key = '', , said = '', text = ''] of rows) {
      const preset = keys.get(key.replaceAll('`', ''))
      if (preset !== undefined && !text.includes('not built yet')) t.equal(said, written(preset), `default of ${key}`)
    }
  }
})

t.test('settings.yaml has no section that the page leaves out', async (t) => {
  const known = [...Object.keys(coreSettings), ...Object.keys(sections), 'pdp']
  const covered = [page.matchAll(/^\| `([a-z_]+)[.`]/gm)].flatMap((all) => [...all].map(([, key]) => key))
  t.same(
    known.filter((key) => !covered.includes(key)),
    [],
  )
})

t.test('options of built-in plugins are named', async (t) => {
  const loader = new PluginLoader('.', {})
  for (const kind of ['session-store', 'minter']) {
    for (const name of await builtIns(kind)) {
      const { options } = await loader.load(kind, name)
      const keys = options ? [...keysOf('', options).keys()] : []
      t.same(
        keys.filter((key) => !new RegExp(`\`${key}[:\`]`).test(page)),
        [],
        `${kind} ${name}`,
      )
    }
  }
})

t.test('the profile that the page shows is taken, and the options of a route with it', async (t) => {
  const { info, text } = blocksOf(page).find(({ info }) => info.startsWith('title=profiles/'))!
  const quota = blocksOf(readPage('docs/write-a-plugin.md'))
  const plugin = (name: string) => quota.find(({ info }) => info === `title=config/${name}`)!.text
  const dir = tempDir(t, {
    [info.slice('title='.length)]: text,
    'settings.yaml': `profile: acme\n${readPage('config/settings.yaml').replace(/^profile:.*$/m, '')}`,
    'routes.yaml': readPage('config/routes.yaml').replace('auth: "none"', `auth: "none"\n    ${overrides()}`),
    'profiles/audience-bridge.yaml': readPage('config/profiles/audience-bridge.yaml'),
    'quota.ts': plugin('quota.ts'),
    'quota-status.ts': plugin('quota-status.ts'),
    'note.ts': plugin('note.ts'),
  })
  linkPackages(dir)
  const { report, config } = await loadConfig({ dir, env: {} })
  t.same(
    report.problems.map(({ message }) => message),
    [],
  )
  const spa = config!.programs.find(({ route }) => route.id === 'spa')!
  t.same(
    spa.stages.map(({ name }) => name),
    ['route-match', './quota.ts', 'header-inject', 'forward', 'log'],
  )
  t.match(spa.stages[1]!.options, { limit: 5 })
})

/** `stages: { … }`, as the row of `routes[].stages` shows it. */
function overrides(): string {
  return /`(stages: \{[^`]*\})`/.exec(page)![1]!
}

t.test('the mistakes that the page shows are told as it prints them', async (t) => {
  const [shown] = blocksOf(page).filter(({ language }) => language === 'console')
  const dir = tempDir(t, {
    'settings.yaml': readPage('config/settings.yaml').replace('service_audiences:', 'service_audience:'),
    'routes.yaml': readPage('config/routes.yaml').replace('path: "/api/v1', 'path: "api/v1'),
    'profiles/audience-bridge.yaml': readPage('config/profiles/audience-bridge.yaml'),
  })
  const { report } = await loadConfig({ dir, env: {} })
  const said = report.problems
    .filter(({ severity }) => severity === 'error')
    .map(({ place, message }) => `config${place.file.slice(dir.length)}:${place.line}:${place.column} error ${message}`)
  t.same(said.map(unplaced), shown!.text.trim().split('\n').slice(1).map(unplaced))
})

/** The files of config/ grow lines that this page need not follow. */
function unplaced(line: string): string {
  return line.replace(/:\d+:\d+ /, ' ')
}
