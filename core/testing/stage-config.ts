// A configuration of one stage: what a config directory would have said, given by a test as data.

import type { ListedStage, PlannedProgram } from '../compile/profile.ts'
import type { ListenerSettings } from '../config/core-settings.ts'
import { startOf } from '../config/report.ts'
import type {
  Base,
  KindName,
  Kinds,
  Route,
  Section,
  Sections,
  ServerSettings,
  Service,
  Slots,
  Stage,
} from '../contract.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { PluginLoader } from '../plugin-loading/plugin-loader.ts'
import { defaultLimits } from '../run/limits.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'
import { validated } from './validated.ts'

/** What a stage is set up with, in place of config files. */
export interface StageInput {
  /** As they would stand under `with`. */
  readonly options?: unknown
  /** Keys of the route; what is left out is a plain open route for everything. Keys of plugins as in YAML. */
  readonly route?: Partial<Route> & Readonly<Record<string, unknown>>
  /** What stages before it would have given. */
  readonly slots?: Partial<Slots>
  /** Sections of settings.yaml that the stage declares. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly server?: Partial<ServerSettings>
  /** What `host.use(kind, …)` opens, whatever name config gives it. Kinds left out are looked for among the built-in plugins. */
  readonly use?: Partial<Kinds>
}

const place = startOf('test')

export function listed(stage: Stage, options: unknown): ListedStage {
  return { name: stage.name, stage, options, given: undefined, place, settingsAt: place }
}

/** Validates as `bascule check` would; throws with what it finds wrong. `around` puts the stage into a list. */
export function stageConfig(
  stage: Stage,
  input: StageInput,
  around: (own: ListedStage) => readonly ListedStage[],
): LoadedConfig {
  const route = routeOf(stage, input)
  const options = stage.options ? validated(stage.options, input.options ?? {}, `options of ${stage.name}`) : undefined
  if (!stage.options && input.options !== undefined) throw new TypeError(`${stage.name} takes no options`)
  for (const problem of stage.problems?.(route, options) ?? [])
    throw new TypeError(`route ${route.id}: ${problem} (stage ${stage.name})`)
  refuseMissing(stage, route, options, input)
  const own = listed(stage, options)
  const stages = around(own).filter((each) => each !== own || (stage.applies?.(route, options) ?? true))
  const programs: PlannedProgram[] = [{ route, place, profile: 'test', stages }]
  const profile = { name: 'test', place, stages, endpoints: [], adminEndpoints: [], routes: [] }
  return {
    dir: '.',
    server: { ...server, ...input.server },
    log: { level: 'debug', format: 'json' },
    services: route.service ? { [route.service.name]: route.service } : {},
    sections: sectionsOf(stage, input.settings ?? {}),
    profile,
    profiles: [profile],
    programs,
    adminPrograms: [],
    loader: new GivenServices(input.use ?? {}),
    files: [],
    optionsOf: async (plugin: Base<unknown>, given) =>
      plugin.options && validated(plugin.options, given ?? {}, `options of ${plugin.name}`),
  }
}

const server: ListenerSettings = {
  host: '127.0.0.1',
  port: 8080,
  public_url: 'http://localhost:8080',
  public_urls: [],
  trusted_proxies: [],
  admin_port: 9090,
  drain_timeout: 1_000,
  limits: defaultLimits,
}

const plainService: Service = {
  name: 'service',
  base_url: 'http://service.test',
  timeout: 30_000,
  idle_timeout: 60_000,
}

function routeOf(stage: Stage, { route = {} }: StageInput): Route {
  const keys = Object.entries((stage.routeKeys ?? {}) as Readonly<Record<string, StandardSchemaV1>>)
  const added = keys.map(([key, schema]) => [key, validated(schema, route[key], `route key ${key}`)])
  const { service = { ...plainService, name: route.target_service ?? plainService.name } } = route
  return Object.freeze({
    id: 'route',
    from: 'routes.yaml',
    path: '/*',
    auth: 'none',
    target_service: service.name,
    service,
    upstream_path: '/{path}',
    preserve_path: false,
    encoded_slash: 'reject',
    websocket: false,
    streaming: false,
    at: 'test:1:1',
    ...route,
    ...Object.fromEntries(added.filter(([, value]) => value !== undefined)),
  } as Route)
}

/** In a profile this would not load: better said here than by a 500 in the result. */
function refuseMissing(stage: Stage, route: Route, options: unknown, { slots = {} }: StageInput): void {
  const required: readonly string[] = [...(stage.needs ?? []), ...(stage.requires?.(route, options) ?? [])]
  const missing = required.find((slot) => slot !== 'route' && !Object.hasOwn(slots, slot))
  if (missing !== undefined)
    throw new TypeError(
      `stage ${stage.name} needs the slot ${missing} on this route; give it: { slots: { '${missing}': … } }`,
    )
}

function sectionsOf(stage: Stage, settings: Readonly<Record<string, unknown>>): Partial<Sections> {
  const declared = (stage.sections ?? {}) as Readonly<Record<string, Section<unknown>>>
  const stray = Object.keys(settings).find((name) => !Object.hasOwn(declared, name))
  if (stray !== undefined) throw new TypeError(`settings.${stray}: ${stage.name} declares no such section`)
  return Object.fromEntries(
    Object.entries(declared).map(([name, { schema }]) => [name, validated(schema, settings[name], name)]),
  ) as Partial<Sections>
}

/** Services the test hands in; the loader's own for the rest. */
class GivenServices extends PluginLoader {
  readonly #given: Partial<Kinds>

  constructor(given: Partial<Kinds>) {
    super('.', {})
    this.#given = given
  }

  override async load(kind: string, use: string): Promise<never> {
    const given = this.#given[kind as KindName]
    // The overloads of the base class tell kinds apart by name; here one body answers all.
    if (given === undefined) return (await super.load(kind, use)) as never
    return { kind, name: use, open: () => given } as never
  }
}
