import type { Endpoint, Kit, Plugin, ServicePlugin, Stage } from '../contract.ts'
import { notAPlugin } from '../plugin-loading/check-plugin.ts'
import { PluginError } from '../plugin-loading/plugin-error.ts'
import { makePlugin, PluginLoader } from '../plugin-loading/plugin-loader.ts'

/** A plugin as the caller holds it: what `defineStage` and its like made, or the function a package exports. */
export type GivenPlugin = Plugin | ((kit: Kit) => Plugin)

/** Plugins given as objects, under names, so that the rest of the load deals with names only. */
export class GivenPlugins {
  readonly #named = new Map<string, Plugin | PluginError>()

  /** The name it goes by from here on. What is no plugin fails when it is loaded, where config names it, as a file would. */
  add(given: unknown, as?: string): string {
    const made = pluginOf(given)
    if (made instanceof PluginError) return this.#refuse(as ?? `a plugin (${this.#named.size})`, made)
    const name = as ?? made.name
    const key = keyOf(made.kind ?? 'stage', name)
    const other = this.#named.get(key)
    if (other && other !== made) {
      const twins = new PluginError(`two plugins are called ${name}; give each a name of its own`)
      return this.#refuse(`${name} (${this.#named.size})`, twins)
    }
    this.#named.set(key, made)
    return name
  }

  #refuse(name: string, why: PluginError): string {
    this.#named.set(name, why)
    return name
  }

  /** Throws where something was given under this name that is no plugin. */
  find(kind: string, name: string): Plugin | undefined {
    const found = this.#named.get(name) ?? this.#named.get(keyOf(kind, name))
    if (found instanceof PluginError) throw found
    return found
  }
}

function pluginOf(given: unknown): Plugin | PluginError {
  let plugin: unknown
  try {
    plugin = makePlugin(given)
  } catch (error) {
    return new PluginError(`this plugin cannot be made: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (typeof plugin !== 'object' || plugin === null)
    return new PluginError(`this is ${String(plugin)}, where a plugin belongs; give what defineStage made`)
  const why = notAPlugin(plugin)
  return why ? new PluginError(`this plugin ${why}`) : (plugin as Plugin)
}

function keyOf(kind: string, name: string): string {
  return `${kind} ${name}`
}

/** Knows what was given before it looks for files. */
export class GivenLoader extends PluginLoader {
  readonly #given: GivenPlugins

  constructor(given: GivenPlugins, ...rest: ConstructorParameters<typeof PluginLoader>) {
    super(...rest)
    this.#given = given
  }

  override async load(kind: 'stage', use: string): Promise<Stage>
  override async load(kind: 'endpoint', use: string): Promise<Endpoint>
  override async load(kind: string, use: string): Promise<ServicePlugin>
  override async load(kind: string, use: string): Promise<Plugin> {
    // Overloads cannot be chosen by a kind that is not known yet.
    return this.#given.find(kind, use) ?? (super.load(kind, use) as Promise<Plugin>)
  }
}
