import { readdir } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { likely } from './config/suggest.ts'
import type { Endpoint, Kit, Plugin, ServicePlugin, Stage } from './contract.ts'
import { defineEndpoint, defineService, defineStage } from './define.ts'

const home = new URL('../plugins/', import.meta.url)
const kit: Kit = { defineStage, defineEndpoint, defineService }

/** What may stand in a plugin, by kind: a misspelt hook or key would otherwise be silently without effect. */
const common = ['api', 'name', 'kind', 'options', 'sections', 'routeKeys']
const stageKeys = [
  ...common,
  'role',
  'needs',
  'wants',
  'provides',
  'requires',
  'timeout',
  'guards',
  'also',
  'brings',
  'applies',
  'problems',
  'conflicts',
  'setup',
]
const endpointKeys = [...common, 'needs', 'wants', 'paths', 'setup']
const serviceKeys = [...common, 'open']

export class PluginError extends Error {
  override readonly name = 'PluginError'
}

/** Finds plugins by how config names them: a built-in by its file's name, `./file.ts` beside the config, a name of `plugins:`. */
export class PluginLoader {
  readonly #dir: string
  readonly #named: Readonly<Record<string, string>>
  readonly #loaded = new Map<string, Promise<Plugin>>()

  constructor(configDir: string, named: Readonly<Record<string, string>>) {
    this.#dir = configDir
    this.#named = named
  }

  /** `kind`: 'stage', 'endpoint', or a service's kind. Rejects with a PluginError that says what to do. */
  async load(kind: 'stage', use: string): Promise<Stage>
  async load(kind: 'endpoint', use: string): Promise<Endpoint>
  async load(kind: string, use: string): Promise<ServicePlugin>
  async load(kind: string, use: string): Promise<Plugin> {
    const url = await this.#locate(kind, use)
    const loading = this.#loaded.get(url) ?? importPlugin(url, use)
    this.#loaded.set(url, loading)
    const plugin = await loading
    const actual = plugin.kind ?? 'stage'
    if (actual !== kind) throw new PluginError(`${use} is a plugin of kind ${actual}, but a ${kind} is wanted here`)
    return plugin
  }

  async #locate(kind: string, use: string): Promise<string> {
    const named = Object.hasOwn(this.#named, use) ? this.#named[use]! : use
    if (named.startsWith('./') || named.startsWith('../') || isAbsolute(named)) {
      return pathToFileURL(resolve(this.#dir, named)).href
    }
    if (/^(npm|jsr|https?):/.test(named))
      throw new PluginError(`${named}: only built-in names and ./file.ts can be loaded yet`)
    const known = await builtIns(kind)
    if (known.includes(named)) return new URL(`${folder(kind)}${named}.ts`, home).href
    const guess = likely(named, [...known, ...Object.keys(this.#named)])
    throw new PluginError(
      `no ${kind} named ${named}${guess ? `: did you mean ${guess}?` : `; built in: ${known.join(', ')}; a file is named as ./file.ts`}`,
    )
  }
}

function folder(kind: string): string {
  return kind === 'stage' ? '' : `${kind}/`
}

/** Names of the built-in plugins of a kind: the files of its folder. */
export async function builtIns(kind: string): Promise<string[]> {
  if (!/^[a-z-]+$/.test(kind) || kind === 'lib') return []
  try {
    const entries = await readdir(fileURLToPath(new URL(folder(kind), home)), { withFileTypes: true })
    return entries.filter((e) => e.isFile() && e.name.endsWith('.ts')).map((e) => e.name.slice(0, -3))
  } catch {
    return []
  }
}

async function importPlugin(url: string, use: string): Promise<Plugin> {
  let module: { default?: unknown }
  try {
    module = (await import(url)) as { default?: unknown }
  } catch (error) {
    throw new PluginError(`${use} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  const made: unknown = typeof module.default === 'function' ? module.default(kit) : module.default
  const why = notAPlugin(made)
  if (why) throw new PluginError(`${use} ${why}`)
  return made as Plugin
}

function notAPlugin(made: unknown): string | undefined {
  if (typeof made !== 'object' || made === null)
    return 'has no default export made by defineStage, defineEndpoint or defineService'
  const plugin = made as Record<string, unknown>
  if (typeof plugin.name !== 'string' || plugin.name === '') return 'has no name'
  const kind = plugin.kind ?? 'stage'
  const keys = kind === 'stage' ? stageKeys : kind === 'endpoint' ? endpointKeys : serviceKeys
  const stray = Object.keys(plugin).find((key) => !keys.includes(key))
  if (stray) {
    const guess = likely(stray, keys)
    return `has an unknown key ${stray}${guess ? ` (did you mean ${guess}?)` : ''}`
  }
  const start = kind === 'stage' || kind === 'endpoint' ? 'setup' : 'open'
  if (typeof plugin[start] !== 'function') return `has no ${start} function`
  if (plugin.role !== undefined && !['router', 'filter', 'terminal', 'observer'].includes(String(plugin.role))) {
    return `has an unknown role ${String(plugin.role)}; roles are router, filter, terminal and observer`
  }
  return undefined
}
