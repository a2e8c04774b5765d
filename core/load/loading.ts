import { planAdmin } from '../compile/admin.ts'
import { proveOrder } from '../compile/order.ts'
import type { PlannedProgram, Profile, RouteEntry } from '../compile/profile.ts'
import { planPrograms } from '../compile/routes.ts'
import { proveTogether } from '../compile/together.ts'
import type { ListenerSettings } from '../config/core-settings.ts'
import type { ConfigDirectory } from '../config/directory.ts'
import type { Place, Report } from '../config/report.ts'
import { type CoreSettings, coreSettings, defaultUrl, reviewServer } from '../config/schemas.ts'
import type { TlsSettings } from '../config/tls-settings.ts'
import type { Base, Sections } from '../contract.ts'
import { PluginError } from '../plugin-loading/plugin-loader.ts'
import { withAskedStages } from './asked-stages.ts'
import { LoadContext, settingsOf, validateKey } from './context.ts'
import type { LoadedConfig, Overrides } from './load-config.ts'
import { type LoadedProfile, loadProfile } from './profiles.ts'
import { routeKeys } from './route-keys.ts'
import { readRoutes, readServices } from './routes.ts'
import { SectionReader } from './sections.ts'

/** One load from documents to proven programs. Goes on where a step before found fault, so that one run tells everything. */
export async function load(
  options: Overrides,
  directory: ConfigDirectory,
  report: Report,
): Promise<LoadedConfig | undefined> {
  const core = readCore(directory, report)
  const context = new LoadContext(directory, report, directory.loader(core.plugins ?? {}))
  const name = options.profile ?? core.profile
  const listed = name === undefined ? [] : await loadProfiles(name, options, context)
  const sections = new SectionReader(context)
  await sections.readAll()
  await sections.refuseUnread(listed[0]?.name === name && listed.every((profile) => profile.whole))
  const profiles = await withAskedStages(listed, sections, context)
  const services = readServices(context)
  const entries = await readRoutes(services, await routeKeys(profiles, context), context)
  if (name === undefined || profiles[0]?.name !== name) return undefined
  const complete = profiles.map((profile) => ({
    ...profile,
    routes: entries.filter((e) => (e.profile ?? name) === profile.name),
  }))
  const programs = await prove(complete, sections.values, context)
  const adminPrograms = planAdmin(complete, context.report)
  if (!core.server || !core.log) return undefined

  const { tls, ...own } = core.server
  const server = overridden(own, tls, options)
  const routes = entries.map((entry) => entry.route)
  sections.review({ server, services, routes })
  if (directory.settings) reviewServer({ ...server, tls }, directory.settings, report)
  return {
    dir: directory.dir,
    ...{ server, tls, log: core.log, services, sections: sections.values },
    profile: complete[0]!,
    profiles: complete,
    ...{ programs, adminPrograms },
    loader: context.loader,
    files: filesOf(directory, profiles),
    optionsOf,
  }
}

function readCore(directory: ConfigDirectory, report: Report): Partial<CoreSettings> {
  const document = settingsOf(directory)
  const keys = Object.keys(coreSettings) as (keyof CoreSettings)[]
  return Object.fromEntries(
    keys.map((key) => [key, validateKey(coreSettings[key], document, key, report)]),
  ) as Partial<CoreSettings>
}

/** The default profile first, then those that routes name. */
async function loadProfiles(name: string, options: Overrides, context: LoadContext): Promise<LoadedProfile[]> {
  const at = options.profile === undefined ? context.directory.settings?.place(['profile']) : undefined
  const wanted = new Map<string, Place | undefined>([[name, at], ...namedByRoutes(context)])
  wanted.set(name, at)
  const loaded: LoadedProfile[] = []
  for (const [each, place] of wanted) {
    const profile = await loadProfile(each, place, context)
    if (profile) loaded.push(profile)
  }
  return loaded
}

/** Profiles named by routes, read before the routes themselves: which keys a route may have depends on their stages. */
function namedByRoutes({ directory }: LoadContext): [string, Place][] {
  const list = directory.routes?.value.routes
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown, i): [string, Place][] => {
    const named = typeof entry === 'object' && entry !== null && 'profile' in entry ? entry.profile : undefined
    return typeof named === 'string' ? [[named, directory.routes!.place(['routes', i, 'profile'])]] : []
  })
}

async function prove(
  profiles: readonly (Profile & LoadedProfile)[],
  sections: Readonly<Partial<Sections>>,
  context: LoadContext,
): Promise<readonly PlannedProgram[]> {
  if (!profiles.every((profile) => profile.whole)) return []
  for (const profile of profiles) proveOrder(profile, context.report)
  const programs: PlannedProgram[] = []
  for (const profile of profiles) {
    for (const planned of await planPrograms(profile, optionsFor(context), context.report)) programs.push(planned)
  }
  return proveTogether(profiles, programs, sections, context.report)
}

/** Validates a route's own options for a stage. */
function optionsFor(context: LoadContext) {
  return (entry: RouteEntry, plugin: Base<unknown>, name: string, merged: unknown): unknown =>
    context.options(plugin, merged, entry.document, [...entry.path, 'stages', name])
}

function overridden(
  server: ListenerSettings,
  tls: TlsSettings | undefined,
  { port = server.port, adminPort = server.admin_port }: Overrides,
): ListenerSettings {
  const derived = server.public_url === defaultUrl({ tls }, server.port)
  return {
    ...server,
    port,
    admin_port: adminPort,
    public_url: derived ? defaultUrl({ tls }, port) : server.public_url,
  }
}

/** Those that `file:` names too: a certificate or a secret is changed there. */
function filesOf(
  { files, settings, routes, profiles: all }: ConfigDirectory,
  profiles: readonly LoadedProfile[],
): string[] {
  const documents = [settings, routes, ...all.values()]
  const named = documents.flatMap((document) => document?.reads ?? [])
  return [...new Set([...files, ...profiles.flatMap((profile) => profile.files), ...named])]
}

async function optionsOf(plugin: Base<unknown>, given: unknown): Promise<unknown> {
  if (!plugin.options) return undefined
  const result = await plugin.options['~standard'].validate(given ?? {})
  if (result.issues) throw new PluginError(`${plugin.name}: ${result.issues.map((issue) => issue.message).join('; ')}`)
  return result.value
}
