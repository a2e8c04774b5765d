import type { ListedEndpoint, ListedStage } from '../compile/profile.ts'
import { roleOf } from '../compile/profile.ts'
import type { Endpoint, ExplainHost, Stage } from '../contract.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { PluginError } from '../plugin-loading/plugin-loader.ts'
import type { AnyExchange } from '../run/program.ts'

/** The same programs, each stage replaced by what explains it: the engine that runs them is the live one. */
export function explainedConfig(config: LoadedConfig): LoadedConfig {
  const stages = new Map<ListedStage, ListedStage>()
  const endpoints = new Map<ListedEndpoint, ListedEndpoint>()
  const stage = (listed: ListedStage): ListedStage => {
    const made = stages.get(listed) ?? { ...listed, stage: explained(listed.stage) }
    stages.set(listed, made)
    return made
  }
  const endpoint = (listed: ListedEndpoint): ListedEndpoint => {
    const made = endpoints.get(listed) ?? { ...listed, endpoint: standInEndpoint(listed.endpoint) }
    endpoints.set(listed, made)
    return made
  }
  const profiles = config.profiles.map((profile) => ({ ...profile, stages: profile.stages.map(stage) }))
  return {
    ...config,
    profiles,
    profile: profiles[0]!,
    adminPrograms: [],
    programs: config.programs.map((planned) => ({
      ...planned,
      stages: planned.stages.map(stage),
      ...(planned.endpoint && { endpoint: endpoint(planned.endpoint) }),
    })),
  }
}

function explained(stage: Stage): Stage {
  return {
    ...stage,
    async setup(host) {
      const nothing = host as ExplainHost
      if (stage.explain) return stage.explain(nothing)
      if (stage.role === 'observer') return {}
      try {
        return await stage.setup(host)
      } catch (error) {
        if (error instanceof PluginError) return standIn(stage, nothing)
        throw error
      }
    },
  } as Stage
}

/** For a stage that opens something and says nothing of what it would do: its slots are there, but nobody knows what they hold. */
function standIn(stage: Stage, host: ExplainHost) {
  const unknown = { toJSON: () => '(not known)' }
  const values = Object.fromEntries((stage.provides ?? []).map((slot) => [slot, unknown]))
  const run = (x: AnyExchange) => {
    host.would(x, 'not known: this stage opens something at setup and brings no explain hook; taken to proceed')
    if (roleOf(stage) === 'terminal') return x.reply(200, 'OK')
    return stage.provides?.length ? x.proceed(values as never) : (x.proceed as () => ReturnType<typeof x.proceed>)()
  }
  return roleOf(stage) === 'router' ? { run } : () => ({ run })
}

function standInEndpoint(endpoint: Endpoint): Endpoint {
  return {
    ...endpoint,
    setup: (host) => () => (x) => {
      ;(host as ExplainHost).would(x, `answer by itself: the endpoint ${endpoint.name}`)
      return x.reply(200, 'OK')
    },
  }
}
