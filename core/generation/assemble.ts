import { adminPipeline } from '../admin/admin-pipeline.ts'
import type { ListedEndpoint, ListedStage, PlannedProgram } from '../compile/profile.ts'
import { roleOf } from '../compile/profile.ts'
import { likely } from '../config/suggest.ts'
import type { Endpoint, Exchange, Host, Made, Route, SlotName, Stage } from '../contract.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import type { CoreMetrics } from '../metrics/core-metrics.ts'
import type { RequestMeter } from '../metrics/request-meter.ts'
import { PluginError } from '../plugin-loading/plugin-loader.ts'
import { LeftOpen } from '../resources/left-open.ts'
import { stageNumber } from '../run/current-stage.ts'
import { type AnyExchange, type Pipeline, type Program, program, type Step } from '../run/program.ts'
import { canonicalJson } from '../util/canonical-json.ts'
import { mapInTurns, Slices } from '../util/time-slices.ts'
import { runSetup, setupFailed } from './run-setup.ts'

const STAGE_TIMEOUT = 30_000

/** `name`: as config calls it; `plugin`: its own. */
type HostFor = (name: string, options: unknown, plugin: string) => Host
type StepOf = (route: Route) => Step
type Handler = (x: Exchange<SlotName, SlotName>) => unknown

/** What runs behind the public listener, and what behind the admin listener. */
export interface Assembled {
  readonly pipeline: Pipeline
  readonly admin: Pipeline
}

/** Sets every plugin up once, then builds each route's flat program. */
export async function assemble(
  config: LoadedConfig,
  hostFor: HostFor,
  leftOpen = new LeftOpen(),
  metrics?: CoreMetrics,
): Promise<Assembled> {
  const makers = new Map<ListedStage | ListedEndpoint, StepOf>()
  const same = new SameStages()
  const slices = new Slices()
  const setUp = async (listed: ListedStage) => {
    if (makers.has(listed)) return
    const twin = same.find(listed)
    const made = async () => setUpStage(listed, hostFor(listed.name, listed.options, listed.stage.name))
    makers.set(listed, makers.get(twin) ?? (await leftOpen.during(listed.name, made)))
    if (slices.over) await slices.next()
  }
  for (const profile of config.profiles) for (const listed of profile.stages) await setUp(listed)
  for (const { stages, endpoint } of [...config.programs, ...config.adminPrograms]) {
    for (const listed of stages) if (!makers.has(listed)) await setUp(listed)
    if (endpoint && !makers.has(endpoint)) {
      const made = async () => setUpEndpoint(endpoint, hostFor(endpoint.name, endpoint.options, endpoint.endpoint.name))
      makers.set(endpoint, await leftOpen.during(endpoint.name, made))
      if (slices.over) await slices.next()
    }
  }
  const build = (planned: PlannedProgram): [Route, Program] => [
    planned.route,
    buildProgram(planned, makers, metrics?.meterOf(planned.route.id)),
  ]
  const pipeline = {
    unrouted: unrouted(config.profile.stages, makers, metrics?.meterOf('')),
    programs: new Map(await mapInTurns(config.programs, build)),
  }
  return { pipeline, admin: adminPipeline(config.adminPrograms.map(build), pipeline.unrouted.settlers) }
}

/** One setup for equal options of one stage, however many profiles and routes list it: profiles then share the router, too. */
class SameStages {
  readonly #first = new Map<Stage, Map<string, ListedStage>>()

  find(listed: ListedStage): ListedStage {
    const byOptions = this.#first.get(listed.stage) ?? new Map<string, ListedStage>()
    this.#first.set(listed.stage, byOptions)
    const key = canonicalJson(listed.options)
    const first = byOptions.get(key) ?? listed
    byOptions.set(key, first)
    return first
  }
}

function buildProgram(
  { route, stages, endpoint }: PlannedProgram,
  makers: ReadonlyMap<unknown, StepOf>,
  meter: RequestMeter | undefined,
): Program {
  const steps = stages.map((listed) => makers.get(listed)!(route))
  return program(route, endpoint ? [...steps, makers.get(endpoint)!(route)] : steps, meter)
}

/** What edits and settles the answer to a request that no route took: the router, the observers, and the filters that ask for it. */
function unrouted(
  stages: readonly ListedStage[],
  makers: ReadonlyMap<unknown, StepOf>,
  meter: RequestMeter | undefined,
): Program {
  const steps: Step[] = []
  for (const listed of stages) {
    const { role, also } = listed.stage
    if (role === 'router' || role === 'observer') steps.push(makers.get(listed)!(nowhere))
    // Its `run` has no route to judge; without one its hooks apply from the start, as observers' do.
    else if (also?.includes('unrouted')) steps.push({ ...makers.get(listed)!(nowhere), run: undefined })
  }
  return program(undefined, steps, meter)
}

const nowhere: Route = Object.freeze({
  id: '',
  from: 'endpoint',
  path: '',
  auth: 'none',
  target_service: '',
  preserve_path: false,
  encoded_slash: 'reject',
  websocket: false,
  streaming: false,
  at: '',
})

async function setUpStage(listed: ListedStage, host: Host): Promise<StepOf> {
  const { name, stage } = listed
  const made: unknown = await runSetup(listed, () => stage.setup(host))
  const frame = frameOf(listed)
  const role = roleOf(stage)
  if (role === 'router' || role === 'observer') {
    const step = toStep(frame, stage, made)
    return () => step
  }
  if (typeof made !== 'function') throw new PluginError(`${name}: setup must return a function (route) => hooks`)
  const perRoute = made as Made<'filter', SlotName, SlotName, SlotName> & ((route: Route) => unknown)
  return (route) => {
    let hooks: unknown
    try {
      hooks = perRoute(route)
    } catch (error) {
      throw setupFailed(listed, `for the route ${route.id}`, error)
    }
    return toStep(frame, stage, hooks)
  }
}

type Hooked = 'run' | 'response' | 'settled'

/** What a stage's steps have in common on all routes. */
function frameOf({ name, stage, timeout }: ListedStage): Omit<Step, Hooked> {
  const provides: readonly SlotName[] = stage.provides ?? []
  return {
    name,
    number: stageNumber(name),
    terminal: stage.role === 'terminal',
    provides,
    reads: new Set<string>([...(stage.needs ?? []), ...(stage.wants ?? []), ...provides]),
    timeout: timeout ?? stage.timeout ?? STAGE_TIMEOUT,
  }
}

const hookNames = ['run', 'response', 'settled']

function toStep(frame: Omit<Step, Hooked>, stage: Stage, hooks: unknown): Step {
  const { name } = frame
  if (typeof hooks !== 'object' || hooks === null) throw new PluginError(`${name}: setup gave no hooks`)
  if (hooks instanceof Promise)
    throw new PluginError(`${name}: the function of setup is asynchronous; what needs waiting belongs in setup itself`)
  for (const [key, value] of Object.entries(hooks)) {
    if (!hookNames.includes(key)) {
      const guess = likely(key, hookNames)
      throw new PluginError(`${name} has an unknown hook ${key}${guess ? ` (did you mean ${guess}?)` : ''}`)
    }
    if (value !== undefined && typeof value !== 'function')
      throw new PluginError(`${name}: the hook ${key} is no function`)
    // What merely gives a promise shows when it is called; what is written `async` need not wait for a request.
    if (key !== 'run' && value?.constructor.name === 'AsyncFunction')
      throw new PluginError(`${name}: the hook ${key} is asynchronous; what needs waiting belongs in run`)
  }
  const { run, response, settled } = hooks as Partial<Step>
  if (stage.role === 'observer' && run) throw new PluginError(`${name} is an observer, but has a run hook`)
  if (stage.role !== 'observer' && !run)
    throw new PluginError(`${name} has no run hook; only an observer may do without`)
  return { ...frame, run, response, settled }
}

async function setUpEndpoint(listed: ListedEndpoint, host: Host): Promise<StepOf> {
  const { name, endpoint } = listed
  const perRoute: unknown = await runSetup(listed, () => endpoint.setup(host))
  if (typeof perRoute !== 'function') throw new PluginError(`${name}: setup must return a function (route) => handler`)
  return (route) => endpointStep(name, endpoint, (perRoute as (route: Route) => unknown)(route))
}

function endpointStep(name: string, endpoint: Endpoint, handler: unknown): Step {
  if (typeof handler !== 'function') throw new PluginError(`${name}: the function of setup gave no handler`)
  const answer = handler as Handler
  return {
    name,
    number: stageNumber(name),
    terminal: true,
    provides: [],
    reads: new Set<string>([...(endpoint.needs ?? []), ...(endpoint.wants ?? [])]),
    timeout: STAGE_TIMEOUT,
    run: (x: AnyExchange) => answer(x) as ReturnType<NonNullable<Step['run']>>,
    response: undefined,
    settled: undefined,
  }
}
