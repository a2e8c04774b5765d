import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { likely } from '../config/suggest.ts'
import type { Endpoint, Kit, Plugin, ServicePlugin, Stage } from '../contract.ts'
import { defineEndpoint, defineService, defineStage } from '../define.ts'
import { fromSource, ownFolder } from '../own-package.ts'
import { notAPlugin } from './check-plugin.ts'
import { packageEntry } from './package-entry.ts'
import { PluginError } from './plugin-error.ts'
import { rememberPlugin } from './plugin-files.ts'
import { isRemote, type RemotePlugin, remoteUrl, remoteWithoutLeave } from './remote.ts'
import { readTypeScript } from './typescript.ts'

export { PluginError }

const home = new URL('plugins/', ownFolder)
const extension = fromSource ? '.ts' : '.js'
export const kit: Kit = { defineStage, defineEndpoint, defineService }

/** `plugins` of settings.yaml: what a name stands for. */
export type NamedPlugins = Readonly<Record<string, string | RemotePlugin>>

/** Finds plugins by how config names them: a built-in by its file's name, `./file.ts` beside the config, `npm:package`, a name of `plugins:`. */
export class PluginLoader {
  readonly #dir: string
  readonly #named: NamedPlugins
  readonly #loaded = new Map<string, Promise<Plugin>>()

  constructor(configDir: string, named: NamedPlugins) {
    this.#dir = resolve(configDir)
    this.#named = named
  }

  /** Those of `plugins:` in settings.yaml. */
  get names(): readonly string[] {
    return Object.keys(this.#named)
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
    const named = Object.hasOwn(this.#named, use) ? this.#named[use]! : undefined
    if (typeof named === 'object') return remoteUrl(named.url)
    const text = named ?? use
    if (text.startsWith('./') || text.startsWith('../') || isAbsolute(text)) {
      await readTypeScript()
      return pathToFileURL(resolve(this.#dir, text)).href
    }
    if (isRemote(text)) throw remoteWithoutLeave(text)
    if (text.startsWith('npm:')) return packageEntry(text.slice('npm:'.length), this.#dir)
    if (named !== undefined) return packageEntry(text, this.#dir)
    const known = await builtIns(kind)
    if (known.includes(text)) return new URL(`${folder(kind)}${text}${extension}`, home).href
    const guess = likely(text, [...known, ...Object.keys(this.#named)])
    throw new PluginError(
      `no ${kind} named ${text}${guess ? `: did you mean ${guess}?` : `; built in: ${known.join(', ')}; a file is named as ./file.ts, a package as npm:NAME`}`,
    )
  }
}

function folder(kind: string): string {
  return kind === 'stage' ? '' : `${kind}/`
}

/** Names of the built-in plugins of a kind: the files of its folder; `index` only gathers them. */
export async function builtIns(kind: string): Promise<string[]> {
  if (!/^[a-z-]+$/.test(kind) || kind === 'lib' || kind === 'testing') return []
  try {
    const entries = await readdir(fileURLToPath(new URL(folder(kind), home)), { withFileTypes: true })
    const files = entries.filter((e) => e.isFile() && e.name.endsWith(extension)).map((e) => e.name.slice(0, -3))
    return files.filter((name) => name !== 'index').sort()
  } catch {
    return []
  }
}

/**
 * Once a process, not once a load: a reload must get the same plugin again, or nothing that is shared by plugin (a session store
 * opened by one from a package, say) would outlive it.
 */
const made = new WeakMap<(kit: Kit) => unknown, unknown>()

/** What a module or a caller gives: a plugin, or the function that makes it. */
export function makePlugin(exported: unknown): unknown {
  if (typeof exported !== 'function') return exported
  const maker = exported as (kit: Kit) => unknown
  if (!made.has(maker)) made.set(maker, maker(kit))
  return made.get(maker)
}

/** Ours do not come and go while the process runs, and a runtime looks for a module anew at every import. */
const ownModules = new Map<string, Module>()

interface Module {
  readonly default?: unknown
}

async function moduleAt(url: string): Promise<Module> {
  const known = ownModules.get(url)
  if (known) return known
  const module = (await import(url)) as Module
  if (url.startsWith(home.href)) ownModules.set(url, module)
  return module
}

async function importPlugin(url: string, use: string): Promise<Plugin> {
  let plugin: unknown
  try {
    plugin = makePlugin(defaultOf(await moduleAt(url)))
  } catch (error) {
    throw new PluginError(`${use} cannot be loaded: ${whyNot(error, url)}`, { cause: error })
  }
  const why = notAPlugin(plugin)
  if (why) throw new PluginError(`${use} ${why}`)
  rememberPlugin(url, { use, plugin: plugin as Plugin, builtIn: url.startsWith(home.href) })
  return plugin as Plugin
}

/** Where package.json says `commonjs`, as `npm init` writes it, Node wraps an `export default` twice. */
function defaultOf(module: Module): unknown {
  const outer = module.default
  return typeof outer === 'object' && outer !== null && '__esModule' in outer && 'default' in outer
    ? outer.default
    : outer
}

/** The loader names the file of ours that asked, which nobody can do anything about. */
function whyNot(error: unknown, url: string): string {
  if (url.startsWith('file:') && !existsSync(fileURLToPath(url))) return `there is no file ${fileURLToPath(url)}`
  const message = error instanceof Error ? error.message : String(error)
  // Some come in colours and on several lines.
  return stripVTControlCharacters(message).replace(/\s+/g, ' ')
}
