import { resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { type ConfigDirectory, readBuiltInProfile } from '../config/directory.ts'
import type { ConfigDocument } from '../config/document.ts'
import type { Report } from '../config/report.ts'
import { dataDocument, placeOf } from './data-document.ts'
import { GivenLoader, GivenPlugins } from './given-plugins.ts'
import { type BasculeConfig, isLogger } from './options.ts'

/** Keys of settings.yaml that stand beside `settings` instead of in it. */
const beside: readonly PropertyKey[] = ['server', 'log', 'profile', 'plugins']

/** Config given as data, in the shape of a config directory: from here on the load is the same. */
export function dataDirectory(config: BasculeConfig, report: Report): ConfigDirectory {
  const { profile: main = 'main', profiles = {}, routes = [], services = {} } = config
  const dir = config.dir instanceof URL ? fileURLToPath(config.dir) : resolve(config.dir ?? process.cwd())
  const given = new GivenPlugins()
  const stages = dataDocument({ stages: namesOf(config.stages, given) }, report)
  const documents = new Map([[main, stages]])
  if (Object.hasOwn(profiles, main))
    report.error(placeOf(['profiles', main]), `the profile ${main} is made of stages; give this one another name`)
  return {
    dir,
    files: [],
    settings: settingsDocument({ ...config, profile: main }, given, report),
    routes: dataDocument({ services, routes }, report),
    profiles: documents,
    profile(name, at) {
      const known = documents.get(name)
      if (known) return known
      const read = Object.hasOwn(profiles, name)
        ? dataDocument(profiles[name]!, report, (path) => ['profiles', name, ...path])
        : readBuiltInProfile(name, report, at)
      if (read) documents.set(name, read)
      return read
    },
    loader: (named) => new GivenLoader(given, dir, named),
  }
}

/** The list as a profile's file would have it: by name. */
function namesOf(stages: unknown, given: GivenPlugins): unknown {
  if (!Array.isArray(stages)) return stages
  const named = (use: unknown) => (typeof use === 'string' ? use : given.add(use))
  return stages.map((entry: unknown) =>
    typeof entry === 'object' && entry !== null && 'use' in entry ? { ...entry, use: named(entry.use) } : named(entry),
  )
}

function settingsDocument(config: BasculeConfig, given: GivenPlugins, report: Report): ConfigDocument {
  const { settings = {}, profile, server, log, plugins = {} } = config
  const own = Object.entries(settings).filter(([key]) => !beside.includes(key))
  for (const key of Object.keys(settings).filter((key) => beside.includes(key)))
    report.error(placeOf(['settings', key]), `${key} stands beside settings, not in it; move it up`)
  if (server && 'admin_port' in server)
    report.error(placeOf(['server', 'admin_port']), 'an embedded bridge opens no admin listener; remove this')
  if (server && 'tls' in server)
    report.error(
      placeOf(['server', 'tls']),
      'an embedded bridge ends no TLS; give its handler to an https server of yours',
    )
  const files = Object.entries(plugins).filter(([name, plugin]) => {
    if (typeof plugin === 'string') return true
    given.add(plugin, name)
    return false
  })
  const value = {
    ...Object.fromEntries(own),
    ...{ profile, server, plugins: Object.fromEntries(files) },
    // The caller's own logger judges levels itself, and takes fields rather than finished lines.
    log: isLogger(log) ? { level: 'debug', format: 'text' } : log,
  }
  return dataDocument(value, report, (path) =>
    path.length === 0 || beside.includes(path[0]!) ? path : ['settings', ...path],
  )
}
