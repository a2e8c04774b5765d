import { lstatSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownFolder } from '../own-package.ts'
import { type NamedPlugins, PluginLoader } from '../plugin-loading/plugin-loader.ts'
import { type ConfigDocument, readDocument, readListDocument } from './document.ts'
import { type Place, type Report, startOf } from './report.ts'
import type { Env } from './substitute.ts'

/** The default configuration, in which the profiles of the program are. */
const builtIn = fileURLToPath(new URL('config', ownFolder))

interface Reading {
  readonly report: Report
  readonly env: Env
}

/** What a load reads: the files of a directory, or data in their shape. */
export interface ConfigDirectory {
  /** Absolute. */
  readonly dir: string
  /** Settings and routes, as files to watch. */
  readonly files: readonly string[]
  /** Undefined: absent, so that there are only defaults. One that is there but unusable is `broken` as a whole. */
  readonly settings: ConfigDocument | undefined
  /** Undefined: the report says why. */
  readonly routes: ConfigDocument | undefined
  /** Those asked for so far, by name. */
  readonly profiles: ReadonlyMap<string, ConfigDocument>
  /** Reads profiles/NAME.yaml, once. `at`: where it is named. Undefined: the report says why. */
  profile(name: string, at?: Place): ConfigDocument | undefined
  /** `named`: what `plugins` in the settings says. */
  loader(named: NamedPlugins): PluginLoader
}

/** The files of a config directory that are ours; nothing else in it is looked at. */
export async function readConfigDirectory(path: string, reading: Reading): Promise<ConfigDirectory> {
  const dir = resolve(path)
  const there = isDirectory(dir)
  if (!there) {
    const cure = 'create it with a routes.yaml, or name another with --config DIR or BASCULE_CONFIG'
    reading.report.error(startOf(dir), `there is no config directory here; ${cure}`)
  }
  const profiles = new Map<string, ConfigDocument>()
  return {
    dir,
    files: [join(dir, 'settings.yaml'), join(dir, 'routes.yaml')],
    settings: there ? readSettings(dir, reading) : undefined,
    routes: there ? await readRoutes(dir, reading) : undefined,
    profiles,
    profile(name, at) {
      const known = profiles.get(name)
      if (known !== undefined || !there) return known
      const document = readProfile(dir, name, reading, at)
      if (document !== undefined) profiles.set(name, document)
      return document
    },
    loader: (named) => new PluginLoader(dir, named),
  }
}

/** One of the profiles that come with the program, for who has no directory. */
export function readBuiltInProfile(name: string, report: Report, at?: Place): ConfigDocument | undefined {
  const file = profileFile(name, { report, at: at ?? startOf(builtIn) })
  if (file === undefined) return undefined
  if (present(join(builtIn, file))) return readOne(builtIn, file, { report, env: {} })
  report.error(at ?? startOf(builtIn), `there is no profile ${name}; give it in profiles, or name another`)
  return undefined
}

/** A name, not a path: `../../etc/x` stays out. */
function profileFile(name: string, { report, at }: { report: Report; at: Place }): string | undefined {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)) return `profiles/${name}.yaml`
  report.error(at, 'a profile is named by letters, digits, - and _ only')
  return undefined
}

function readProfile(dir: string, name: string, reading: Reading, at?: Place): ConfigDocument | undefined {
  const file = profileFile(name, { report: reading.report, at: at ?? startOf(dir) })
  if (file === undefined) return undefined
  if (present(join(dir, file))) return readOne(dir, file, reading)
  // A directory with only settings and routes runs the profile that comes with the program.
  if (present(join(builtIn, file))) return readOne(builtIn, file, reading)
  if (at === undefined) return readOne(dir, file, reading, 'create it with "stages: [route-match, …]"')
  const cure = `create it with "stages: [route-match, …]", or name another profile`
  reading.report.error(at, `there is no ${file} in the config directory; ${cure}`)
  return undefined
}

function readSettings(dir: string, reading: Reading): ConfigDocument | undefined {
  const file = join(dir, 'settings.yaml')
  return readOne(dir, 'settings.yaml', reading) ?? (present(file) ? unusable(dir) : undefined)
}

async function readRoutes(dir: string, reading: Reading): Promise<ConfigDocument | undefined> {
  const file = join(dir, 'routes.yaml')
  if (present(file)) return readListDocument(file, 'routes', { ...reading, dir })
  reading.report.error(startOf(file), 'there is no routes.yaml; create it with "services:" and "routes:"')
  return undefined
}

/** Nothing can be said of what such a file lacks. */
function unusable(dir: string): ConfigDocument {
  const file = join(dir, 'settings.yaml')
  return { file, value: Object.create(null), reads: [], place: () => startOf(file), broken: () => true }
}

/** Without a `cure` the file may be absent. */
function readOne(dir: string, name: string, reading: Reading, cure?: string): ConfigDocument | undefined {
  const file = join(dir, name)
  if (present(file)) return readDocument(file, { ...reading, dir })
  if (cure !== undefined) reading.report.error(startOf(file), `there is no ${name}; ${cure}`)
  return undefined
}

/** Only what is truly absent is: a dangling link, or a directory that may not be entered, must not pass for "all defaults". */
function present(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
