import type { Base, NamedService, Section, ServicePlugin, Stage } from '../contract.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { builtIns, PluginLoader } from '../plugin-loading/plugin-loader.ts'

export interface KnownPlugins {
  /** By the name that config uses. */
  readonly stages: ReadonlyMap<string, Stage>
  /** Everything that may bring sections and route keys. */
  readonly all: ReadonlySet<Base<unknown>>
  /** Names of `plugins:` in settings.yaml. */
  readonly names: readonly string[]
  /** Where a section of this config names a service, e.g. `session.store`, and which there are. */
  readonly services: readonly NamedServices[]
  /** Where options of a stage of this config do, e.g. `sink` of `log`. */
  readonly inOptions: readonly NamedServices[]
}

interface NamedServices {
  /** The section, or the stage in whose options the name stands. */
  readonly owner: string
  readonly path: readonly PropertyKey[]
  readonly plugins: ReadonlyMap<string, ServicePlugin>
}

/** The built-in plugins, and those that this config loads; without a config that can be loaded, the built-in ones. */
export async function knownPlugins(config: LoadedConfig | undefined): Promise<KnownPlugins> {
  const loader = config?.loader ?? new PluginLoader('.', {})
  const stages = new Map<string, Stage>()
  for (const name of await builtIns('stage')) stages.set(name, await loader.load('stage', name))
  for (const { stages: listed } of config?.profiles ?? []) for (const { name, stage } of listed) stages.set(name, stage)
  const endpoints = (config?.profiles ?? []).flatMap((profile) => profile.endpoints.map(({ by }) => by.endpoint))
  const all = new Set<Base<unknown>>([...stages.values(), ...endpoints])
  const inOptions = config ? await namedInOptions(config, loader) : []
  // Those, too, may bring sections.
  for (const { plugins } of inOptions) for (const plugin of plugins.values()) all.add(plugin)
  const services = config ? await namedInSections(config, all, loader) : []
  for (const { plugins } of services) for (const plugin of plugins.values()) all.add(plugin)
  return { stages, all, names: loader.names, services, inOptions }
}

async function namedInOptions({ profiles }: LoadedConfig, loader: PluginLoader): Promise<readonly NamedServices[]> {
  const found = new Map<string, NamedServices>()
  for (const { name, stage, options } of profiles.flatMap(({ stages }) => stages))
    for (const named of stage.refs?.(options) ?? []) await note(found, name, named, loader)
  return [...found.values()]
}

async function namedInSections(
  { sections }: LoadedConfig,
  all: ReadonlySet<Base<unknown>>,
  loader: PluginLoader,
): Promise<readonly NamedServices[]> {
  const found = new Map<string, NamedServices>()
  for (const plugin of all) {
    for (const [section, { refs }] of Object.entries(
      (plugin.sections ?? {}) as Readonly<Record<string, Section<unknown>>>,
    )) {
      const value = (sections as Readonly<Record<string, unknown>>)[section]
      for (const named of (value !== undefined && refs?.(value)) || []) await note(found, section, named, loader)
    }
  }
  return [...found.values()]
}

/** What may stand there: the built-in services of the kind, and those that this config names there. */
async function note(
  found: Map<string, NamedServices>,
  owner: string,
  { kind, ref, path }: NamedService,
  loader: PluginLoader,
): Promise<void> {
  const key = `${owner}.${path.join('.')}`
  const plugins = new Map(found.get(key)?.plugins)
  for (const name of [...(await builtIns(kind)), typeof ref === 'string' ? ref : ref.use])
    plugins.set(name, await loader.load(kind, name))
  found.set(key, { owner, path, plugins })
}
