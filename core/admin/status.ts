import process from 'node:process'
import type { Generations } from '../generation/generations.ts'
import { ownPackage } from '../own-package.ts'

const { version } = ownPackage()
const { deno, node } = process.versions
const runtime = deno === undefined ? `node ${node}` : `deno ${deno}`

/** The state of the bridge in a few lines; what the console asks for every two seconds. */
export function statusOf(generations: Generations) {
  const { current, inFlight, retiring, traces } = generations
  const { config, number } = current
  return {
    version,
    runtime,
    uptime_seconds: Math.floor(process.uptime()),
    generation: number,
    generations_draining: retiring,
    in_flight: inFlight,
    trace_subscribers: traces.size,
    profile: config.profile.name,
    profiles: config.profiles.map(({ name }) => name),
    public_url: config.server.public_url,
    public_urls: config.server.public_urls,
    routes: config.programs.filter(({ endpoint }) => endpoint === undefined).length,
    endpoints: config.programs.filter(({ endpoint }) => endpoint !== undefined).length + config.adminPrograms.length,
    services: Object.values(config.services).map(({ name, base_url, base_urls = [base_url] }) => ({
      name,
      origin: new URL(base_url).origin,
      origins: base_urls.map((url) => new URL(url).origin),
    })),
  }
}

/** Every route and endpoint of the current configuration, those of the admin listener included. */
export function routesOf({ current: { config, number } }: Generations) {
  const listed = [
    ...config.programs.map((planned) => ({ ...planned, listener: 'public' })),
    ...config.adminPrograms.map((planned) => ({ ...planned, listener: 'admin' })),
  ]
  return {
    generation: number,
    routes: listed.map(({ route, stages, endpoint, profile, listener }) => ({
      id: route.id,
      endpoint: endpoint !== undefined,
      listener,
      methods: route.methods ?? 'all',
      hosts: route.hosts ?? 'any',
      path: route.path,
      auth: route.auth,
      service: route.target_service || null,
      profile,
      stages: [...stages.map((stage) => stage.name), ...(endpoint ? [endpoint.name] : [])],
    })),
  }
}
