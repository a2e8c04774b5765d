import { join } from 'node:path'
import { proveOrder } from './compile/order.ts'
import type { EndpointRoute, ListedStage, Profile } from './compile/profile.ts'
import { planPrograms } from './compile/routes.ts'
import type { ConfigDirectory } from './config/directory.ts'
import type { ConfigDocument, Path } from './config/document.ts'
import { formatPlace, type Place, type Report, startOf } from './config/report.ts'
import {
  type CoreSettings,
  coreSettings,
  profileSchema,
  type RouteSettings,
  reviewServer,
  routeSchema,
  servicesSchema,
} from './config/schemas.ts'
import { didYouMean } from './config/suggest.ts'
import { validate } from './config/validate.ts'
import type { Base, PluginRef, Route, Section, Sections, ServerSettings, Service } from './contract.ts'
import type { LoadedConfig, LoadOptions } from './load.ts'
import { PluginError, PluginLoader } from './plugins.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

type Services = Readonly<Record<string, Service>>

/** The steps of one load: documents, core's own keys, plugins, their sections, routes, proofs. Each goes on where the one before found fault, so that one run tells everything. */
export class Loading {
  readonly #options: LoadOptions
  readonly #directory: ConfigDirectory
  readonly #report: Report
  /** Every plugin met, and where config names it. */
  readonly #plugins = new Map<Base<unknown>, Place>()
  readonly #sections = new Map<string, { section: Section<unknown>; value: unknown }>()
  readonly #routePlaces = new Map<Route, Place>()

  constructor(options: LoadOptions, directory: ConfigDirectory, report: Report) {
    this.#options = options
    this.#directory = directory
    this.#report = report
  }

  async load(): Promise<LoadedConfig | undefined> {
    const core = this.#core()
    const loader = new PluginLoader(this.#directory.dir, core.plugins ?? {})
    const name = this.#options.profile ?? core.profile
    const listed = name === undefined ? undefined : await this.#stages(loader, name)
    const endpoints = await this.#endpoints(loader, listed?.stages ?? [])
    await this.#readSections(loader)
    const services = this.#services()
    const routes = this.#routes(services)
    if (!listed || !core.server || !core.log || name === undefined) return undefined
    const profile: Profile = { name, place: listed.place, stages: listed.stages, endpoints, routes }
    const server = this.#overridden(core.server)
    this.#review(server, services, routes)
    if (this.#directory.settings) reviewServer(server, this.#directory.settings, this.#report)
    proveOrder(profile, this.#report)
    const programs = planPrograms(profile, (route) => this.#placeOf(route), this.#report)
    const sections = Object.fromEntries(
      [...this.#sections].map(([key, { value }]) => [key, value]),
    ) as Partial<Sections>
    const files = ['settings.yaml', 'routes.yaml', `profiles/${name}.yaml`].map((file) =>
      join(this.#directory.dir, file),
    )
    return {
      dir: this.#directory.dir,
      server,
      log: core.log,
      services,
      sections,
      profile,
      programs,
      loader,
      files,
      optionsOf,
    }
  }

  #core(): Partial<CoreSettings> {
    const { settings } = this.#directory
    const read: Partial<Record<keyof CoreSettings, unknown>> = {}
    for (const key of Object.keys(coreSettings) as (keyof CoreSettings)[]) {
      read[key] = this.#validate(coreSettings[key], settings, key)
    }
    return read as Partial<CoreSettings>
  }

  #overridden(server: ServerSettings): ServerSettings {
    const { port = server.port, adminPort = server.admin_port } = this.#options
    const derived = server.public_url === `http://localhost:${server.port}`
    return {
      ...server,
      port,
      admin_port: adminPort,
      public_url: derived ? `http://localhost:${port}` : server.public_url,
    }
  }

  /** The profile's list, each entry's plugin loaded and its options validated. */
  async #stages(loader: PluginLoader, name: string): Promise<{ place: Place; stages: ListedStage[] } | undefined> {
    const at = this.#options.profile === undefined ? this.#directory.settings?.place(['profile']) : undefined
    const document = this.#directory.profile(name, at)
    if (!document) return undefined
    const profile = validate(profileSchema, document.value, { document, path: [], report: this.#report })
    if (!profile) return undefined
    const stages: ListedStage[] = []
    for (const [i, ref] of profile.stages.entries()) {
      const place = document.place(['stages', i])
      const use = nameOf(ref)
      const stage = await this.#loadPlugin(place, () => loader.load('stage', use))
      if (!stage) continue
      const options = this.#options_(stage, ref, document, ['stages', i])
      stages.push({ name: use, stage, options, place })
    }
    return { place: document.place(['stages'], 'key'), stages }
  }

  /** What the stages bring: endpoints under fixed paths, as routes. */
  async #endpoints(loader: PluginLoader, stages: readonly ListedStage[]): Promise<EndpointRoute[]> {
    const routes: EndpointRoute[] = []
    for (const { stage, place } of stages) {
      for (const name of stage.brings ?? []) {
        const endpoint = await this.#loadPlugin(place, () => loader.load('endpoint', name))
        if (!endpoint) continue
        const by = { name, endpoint, options: undefined, place }
        for (const path of endpoint.paths(undefined)) {
          const route = endpointRoute(path, place)
          this.#routePlaces.set(route, place)
          routes.push({ route, by })
        }
      }
    }
    return routes
  }

  async #loadPlugin<T extends Base<unknown>>(place: Place, load: () => Promise<T>): Promise<T | undefined> {
    try {
      const plugin = await load()
      if (!this.#plugins.has(plugin)) this.#plugins.set(plugin, place)
      return plugin
    } catch (error) {
      if (!(error instanceof PluginError)) throw error
      this.#report.error(place, error.message)
      return undefined
    }
  }

  #options_(plugin: Base<unknown>, ref: PluginRef, document: ConfigDocument, path: Path): unknown {
    const given = typeof ref === 'string' ? undefined : ref.with
    if (plugin.options) {
      return validate(plugin.options, given ?? {}, { document, path: [...path, 'with'], report: this.#report })
    }
    if (given !== undefined)
      this.#report.error(document.place([...path, 'with'], 'key'), `${plugin.name} takes no options; remove with`)
    return undefined
  }

  /** Validates every section that a loaded plugin declares, loads the services they name, and refuses what nobody reads. */
  async #readSections(loader: PluginLoader): Promise<void> {
    const { settings } = this.#directory
    for (let before = -1; before !== this.#plugins.size; ) {
      before = this.#plugins.size
      for (const plugin of [...this.#plugins.keys()]) await this.#sectionsOf(plugin, loader)
    }
    if (!settings) return
    const known = [...Object.keys(coreSettings), ...this.#sections.keys()]
    for (const key of Object.keys(settings.value)) {
      if (known.includes(key)) continue
      const guess = didYouMean(key, known)
      this.#report.error(
        settings.place([key], 'key'),
        `unknown key "${key}"${guess || ': no stage of this profile reads it; remove it, or add the stage'}`,
      )
    }
  }

  async #sectionsOf(plugin: Base<unknown>, loader: PluginLoader): Promise<void> {
    const { settings } = this.#directory
    const declared = (plugin.sections ?? {}) as Readonly<Record<string, Section<unknown>>>
    for (const [key, section] of Object.entries(declared)) {
      const known = this.#sections.get(key)
      if (known && known.section !== section) {
        this.#report.error(
          this.#plugins.get(plugin)!,
          `${plugin.name} reads the section ${key}, which another plugin owns`,
        )
      }
      if (known) continue
      const value = this.#validate(section.schema, settings, key)
      this.#sections.set(key, { section, value })
      if (value === undefined) continue
      for (const { kind, ref, path } of section.refs?.(value) ?? []) {
        const place = settings?.place([key, ...path]) ?? startOf(join(this.#directory.dir, 'settings.yaml'))
        const service = await this.#loadPlugin(place, () => loader.load(kind, nameOf(ref)))
        if (service && settings) this.#options_(service, ref, settings, [key, ...path])
      }
    }
  }

  /** A file that is absent has only defaults; what is required is then missing at its first line. */
  #validate<T>(schema: StandardSchemaV1<unknown, T>, document: ConfigDocument | undefined, key: string): T | undefined {
    const from = document ?? emptyDocument(join(this.#directory.dir, 'settings.yaml'))
    return validate(schema, from.value[key], { document: from, path: [key], report: this.#report })
  }

  #services(): Services {
    const document = this.#directory.routes
    if (!document) return {}
    const read =
      validate(servicesSchema, document.value.services, { document, path: ['services'], report: this.#report }) ?? {}
    return Object.fromEntries(Object.entries(read).map(([name, service]) => [name, { name, ...service }]))
  }

  #routes(services: Services): Route[] {
    const document = this.#directory.routes
    if (!document) return []
    const keys = this.#routeKeys()
    const routes: Route[] = []
    const list = document.value.routes
    if (!Array.isArray(list)) {
      this.#report.error(document.place(['routes']), 'routes must be a list of routes')
      return []
    }
    this.#strayKeys(document, ['services', 'routes'])
    for (const i of list.keys()) {
      const settings = routeSchema(keys, list[i], { document, path: ['routes', i], report: this.#report })
      if (settings) routes.push(this.#route(settings, services, document, i))
    }
    this.#uniqueIds(routes)
    return routes
  }

  #strayKeys(document: ConfigDocument, known: readonly string[]): void {
    for (const key of Object.keys(document.value)) {
      if (!known.includes(key))
        this.#report.error(document.place([key], 'key'), `unknown key "${key}"${didYouMean(key, known)}`)
    }
  }

  #route(settings: RouteSettings, services: Services, document: ConfigDocument, i: number): Route {
    const service = Object.hasOwn(services, settings.target_service) ? services[settings.target_service] : undefined
    if (!service && !document.broken(['services'])) {
      const message = `target_service ${settings.target_service} is not in services${didYouMean(settings.target_service, Object.keys(services))}`
      this.#report.error(document.place(['routes', i, 'target_service']), message)
    }
    const place = document.place(['routes', i])
    const route = Object.freeze({ ...settings, from: 'routes.yaml', service, at: formatPlace(place) }) as Route
    this.#routePlaces.set(route, place)
    return route
  }

  #routeKeys(): Readonly<Record<string, StandardSchemaV1>> {
    return Object.assign({}, ...[...this.#plugins.keys()].map((plugin) => plugin.routeKeys ?? {}))
  }

  #uniqueIds(routes: readonly Route[]): void {
    const seen = new Map<string, Route>()
    for (const route of routes) {
      const first = seen.get(route.id)
      if (first)
        this.#report.error(this.#placeOf(route), `route id ${route.id} is used twice; the first is at ${first.at}`)
      else seen.set(route.id, route)
    }
  }

  #placeOf(route: Route): Place {
    return this.#routePlaces.get(route)!
  }

  #review(server: ServerSettings, services: Services, routes: readonly Route[]): void {
    const document = this.#directory.settings ?? emptyDocument(join(this.#directory.dir, 'settings.yaml'))
    const sections = Object.fromEntries(
      [...this.#sections].map(([key, { value }]) => [key, value]),
    ) as Partial<Sections>
    for (const [key, { section, value }] of this.#sections) {
      if (value === undefined) continue
      section.review?.(value, {
        sections,
        server,
        services,
        routes,
        error: (path, message) => this.#report.error(document.place([key, ...path], 'key'), message),
        warn: (path, message) => this.#report.warn(document.place([key, ...path], 'key'), message),
      })
    }
  }
}

function nameOf(ref: PluginRef): string {
  return typeof ref === 'string' ? ref : ref.use
}

function endpointRoute(
  path: { id: string; path: string; methods: readonly string[]; auth: string },
  place: Place,
): Route {
  return Object.freeze({
    ...path,
    from: 'endpoint' as const,
    target_service: '',
    preserve_path: false,
    encoded_slash: 'reject' as const,
    websocket: false,
    streaming: false,
    at: formatPlace(place),
  }) as Route
}

function emptyDocument(file: string): ConfigDocument {
  return { file, value: Object.create(null), place: () => startOf(file), broken: () => false }
}

async function optionsOf(plugin: Base<unknown>, given: unknown): Promise<unknown> {
  if (!plugin.options) return undefined
  const result = await plugin.options['~standard'].validate(given ?? {})
  if (result.issues) throw new PluginError(`${plugin.name}: ${result.issues.map((issue) => issue.message).join('; ')}`)
  return result.value
}
