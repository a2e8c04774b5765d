import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from '../contract.ts'

/** A plugin as config names it, and what came of it. */
export interface LoadedPlugin {
  readonly use: string
  readonly plugin: Plugin
  readonly builtIn: boolean
}

const files = new Map<string, LoadedPlugin>()
const packages = new Map<string, LoadedPlugin>()

/** From here on a stack that leads into this file names the plugin. */
export function rememberPlugin(url: string, loaded: LoadedPlugin): void {
  for (const path of pathsOf(url)) {
    files.set(path, loaded)
    const home = packageOf(path)
    if (home !== undefined && !loaded.builtIn) packages.set(home, loaded)
  }
}

/** Whose code a frame's file is: a plugin's own file, or one beside it in its package. */
export function pluginOfFile(path: string): LoadedPlugin | undefined {
  return files.get(path) ?? packages.get(packageOf(path) ?? '')
}

/** Names of those that are not ours: one of them it was, where a stack leads nowhere. */
export function foreignPlugins(): string[] {
  return [...new Set([...files.values()].filter(({ builtIn }) => !builtIn).map(({ use }) => use))]
}

/** A runtime shows the file behind a symbolic link, or the link. */
function pathsOf(url: string): string[] {
  if (!url.startsWith('file:')) return [url]
  const path = fileURLToPath(url)
  try {
    return [path, realpathSync(path)]
  } catch {
    return [path]
  }
}

function packageOf(path: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]
}
