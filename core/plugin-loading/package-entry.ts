// `npm:package` by hand: Node 20 cannot resolve an ES module from a place other than the importing file, and a plugin is looked for
// where the config is, not where this program is.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { ownPackage } from '../own-package.ts'
import { PluginError } from './plugin-error.ts'
import { inRange } from './version-range.ts'

interface Manifest {
  readonly main?: unknown
  readonly exports?: unknown
  readonly peerDependencies?: Readonly<Record<string, unknown>>
}

interface Named {
  readonly name: string
  /** `.`, or `./part`. */
  readonly subpath: string
}

/** `bascule-plugin-x`, `@acme/x`, `@acme/x/part`; undefined for anything else, paths and versions included. */
export function packageName(text: string): Named | undefined {
  const [, name, part] = /^((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)((?:\/[\w.~-]+)*)$/.exec(text) ?? []
  if (name === undefined || /(^|\/)\.{1,2}(\/|$)/.test(text)) return undefined
  return { name, subpath: `.${part}` }
}

/** The URL of what a package gives for `text`, looked for in node_modules from `dir` upwards. Rejects with a PluginError that says what to do. */
export function packageEntry(text: string, dir: string): string {
  const named = packageName(text)
  if (!named)
    throw new PluginError(`npm:${text} names no package${versionHint(text)}; write npm:NAME, e.g. npm:@acme/tenant`)
  const home = findPackage(named.name, dir)
  if (home === undefined) {
    throw new PluginError(
      `package ${named.name} is not installed: there is no node_modules/${named.name} in the config directory or above; run npm install ${named.name} there`,
    )
  }
  const manifest = readManifest(home, named.name)
  checkPeer(manifest, named.name)
  const entry = entryOf(manifest, named.subpath, home)
  if (entry === undefined || !existsSync(entry))
    throw new PluginError(
      `package ${named.name} has no entry for ${named.subpath}: see main and exports in ${home}/package.json`,
    )
  // Neither runtime reads TypeScript there.
  if (/\.[mc]?tsx?$/.test(entry))
    throw new PluginError(`package ${named.name} ships TypeScript (${entry}); a package must ship JavaScript`)
  return pathToFileURL(entry).href
}

function versionHint(text: string): string {
  return /^(@[^@]+|[^@]+)@/.test(text) ? ': which version it is, package.json says' : ''
}

function findPackage(name: string, dir: string): string | undefined {
  for (let here = dir; ; here = dirname(here)) {
    const home = join(here, 'node_modules', name)
    if (existsSync(join(home, 'package.json'))) return home
    if (dirname(here) === here) return undefined
  }
}

function readManifest(home: string, name: string): Manifest {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
    if (typeof manifest === 'object' && manifest !== null) return manifest
  } catch {
    // told below
  }
  throw new PluginError(`package ${name} cannot be read: ${home}/package.json is no JSON object; install it anew`)
}

/** A plugin that was written for another contract is refused when config is loaded, not by a request that fails. */
function checkPeer({ peerDependencies }: Manifest, name: string): void {
  const range = peerDependencies?.bascule
  if (range === undefined) return
  const { version } = ownPackage()
  const fits = typeof range === 'string' ? inRange(version, range) : undefined
  if (fits === undefined)
    throw new PluginError(
      `package ${name}: peerDependencies.bascule is ${JSON.stringify(range)}, which is no version range`,
    )
  if (!fits)
    throw new PluginError(
      `package ${name} is made for bascule ${range}, and this is ${version}; install a version of it that fits`,
    )
}

function entryOf({ exports, main }: Manifest, subpath: string, home: string): string | undefined {
  if (exports !== undefined && exports !== null) {
    const target = targetOf(exports, subpath)
    return target === undefined ? undefined : join(home, target)
  }
  if (subpath !== '.') return join(home, subpath)
  const file = typeof main === 'string' ? main : 'index.js'
  return [file, `${file}.js`, join(file, 'index.js')]
    .map((path) => join(home, path))
    .find((path) => /\.\w+$/.test(path) && existsSync(path))
}

/** Package exports, as far as plugins need them: conditions, subpaths, and `*` in a subpath. */
function targetOf(exports: unknown, subpath: string): string | undefined {
  if (!isMap(exports) || !Object.keys(exports).some((key) => key.startsWith('.')))
    return subpath === '.' ? conditional(exports, '') : undefined
  if (Object.hasOwn(exports, subpath)) return conditional(exports[subpath], '')
  for (const [key, value] of Object.entries(exports)) {
    const [before, after] = key.split('*')
    if (after === undefined || !subpath.startsWith(before!) || !subpath.endsWith(after)) continue
    if (subpath.length > key.length - 1)
      return conditional(value, subpath.slice(before!.length, subpath.length - after.length))
  }
  return undefined
}

const conditions = ['import', 'module-sync', 'default', process.versions.deno === undefined ? 'node' : 'deno']

function conditional(target: unknown, star: string): string | undefined {
  if (typeof target === 'string') {
    // Stays inside the package (Node refuses the same).
    return /^\.\/(?!.*(^|\/)\.\.?(\/|$))/.test(target) ? target.replaceAll('*', star) : undefined
  }
  if (!isMap(target)) return undefined
  for (const [condition, value] of Object.entries(target)) {
    const found = conditions.includes(condition) ? conditional(value, star) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
