import type { Base, KindName, Section, ServicePlugin, Stage } from '../contract.ts'
import type { LoadedConfig } from '../load.ts'
import { builtIns, PluginLoader } from '../plugins.ts'

export interface KnownPlugins {
  /** By the name that config uses. */
  readonly stages: ReadonlyMap<string, Stage>
  /** Everything that may bring sections and route keys. */
  readonly all: ReadonlySet<Base<unknown>>
  /** Names of `plugins:` in settings.yaml. */
  readonly names: readonly string[]
  /** Where a section of this config names a service, e.g. `session.store`, and which there are. */
  readonly services: readonly NamedServices[]
}

export interface NamedServices {
  readonly section: string
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
  for (const service of await inOptions(config, loader)) all.add(service)
  const services = config ? await namedServices(config, all, loader) : []
  for (const { plugins } of services) for (const plugin of plugins.values()) all.add(plugin)
  return { stages, all, names: loader.names, services }
}

/** Services that stages name in their options: those, too, may bring sections. */
async function inOptions(config: LoadedConfig | undefined, loader: PluginLoader): Promise<readonly ServicePlugin[]> {
  const listed = (config?.profiles ?? []).flatMap(({ stages }) => stages)
  const refs = listed.flatMap(({ stage, options }) => [...(stage.refs?.(options) ?? [])])
  return Promise.all(refs.map(({ kind, ref }) => loader.load(kind, typeof ref === 'string' ? ref : ref.use)))
}

async function namedServices(
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
      for (const { kind, ref, path } of (value !== undefined && refs?.(value)) || []) {
        const use = typeof ref === 'string' ? ref : ref.use
        found.set(`${section}.${path.join('.')}`, { section, path, plugins: await servicesOf(kind, use, loader) })
      }
    }
  }
  return [...found.values()]
}

async function servicesOf(kind: KindName, used: string, loader: PluginLoader) {
  const plugins = new Map<string, ServicePlugin>()
  for (const name of new Set([...(await builtIns(kind)), used])) plugins.set(name, await loader.load(kind, name))
  return plugins
}
