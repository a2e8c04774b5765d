// What every stage must do, whatever it is for. Free of any test framework: a failure is an AssertionError.
import assert from 'node:assert/strict'
import process from 'node:process'
import type { Hooks, Role, Route, SlotName, Stage } from '../contract.ts'
import { notAPlugin } from '../plugin-loading/check-plugin.ts'
import { kit } from '../plugin-loading/plugin-loader.ts'
import type { RequestInput } from './memory-exchange.ts'
import { type RunInput, type StageOrMaker, type StageRun, setUpStage } from './run-stage.ts'
import { stageConfig } from './stage-config.ts'

/** `test` of node:test, `t.test` of tap, or any function like them. */
export type TestFunction = (name: string, fn: () => Promise<void>) => unknown

/** How the suite is declared, and with what the stage is set up. */
export interface StageContractInput extends Omit<RunInput, 'request'> {
  readonly test: TestFunction
  /** Put before the names of the tests; the stage's own name unless said. */
  readonly name?: string
  /** Requests of the kind it is made for, beside those that every stage must bear. */
  readonly requests?: readonly RequestInput[]
}

/** Declares the suite. The input is that of `runStage`: options, slots and route with which the stage can work. */
export function stageContract(made: StageOrMaker, { test, name, requests = [], ...input }: StageContractInput): void {
  const stage = typeof made === 'function' ? made(kit) : made
  const cases = [...ordinary, ...requests]
  const declare = (what: string, fn: () => Promise<void>) => test(`${name ?? stage.name}: ${what}`, fn)

  declare('is a stage that the host knows all of', async () => {
    const why = notAPlugin(stage)
    assert.equal(why, undefined, `the stage ${why}`)
  })
  declare('refuses options that it does not know', () => refusesStrayOptions(stage, input))
  declare('answers the same when asked twice about a route, and opens nothing for it', () => isPure(stage, input))
  declare('can be set up twice, side by side, and closed', () => setsUpTwice(stage, input))
  declare('leaves no timer, socket or listener behind', () => leavesNothing(stage, input))
  declare('gives one verdict for every request', () => bears(stage, input, cases))
  declare('gives one verdict for each of many requests at once', () => bearsMany(stage, input, cases))
  declare('bears a client that leaves', () => bearsLeaving(stage, input, cases))
  declare('has synchronous response and settled hooks', () => hooksAreSynchronous(stage, input))
  declare('logs no cookie and no credential of the client', () => logsNoSecret(stage, input, cases))
}

type Input = Omit<RunInput, 'request'>

const ordinary: readonly RequestInput[] = [
  {},
  { method: 'HEAD' },
  { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } },
  { method: 'PUT', body: new Uint8Array([0, 255, 13, 10]) },
  { method: 'DELETE', target: '/a?b=c&b=&%20' },
  { method: 'OPTIONS', headers: { Origin: 'https://elsewhere.example' } },
  { target: `/${'a'.repeat(4000)}?${'b'.repeat(4000)}` },
  { target: '/caf%C3%A9;v=1/%2Fx', headers: { 'X-Odd': '\u00ff\u00fe', Accept: '' } },
  { headers: ['Cookie', 'a=1', 'Cookie', 'a=2', 'Authorization', 'Bearer x', 'Authorization', 'Basic eDp5'] },
]

function describe({ method, target = '/' }: RequestInput): string {
  return `${method ?? 'GET'} ${target.slice(0, 40)}`
}

function sound(run: StageRun, request: RequestInput): void {
  const { verdict, outcome } = run
  const why = `${outcome.fault?.message ?? outcome.code} (${describe(request)})`
  assert.notEqual(verdict, 'invalid', why)
  assert.notEqual(outcome.fault?.code, 'INTERNAL', why)
}

async function refusesStrayOptions(stage: Stage, input: Input): Promise<void> {
  if (!stage.options) return
  const options = { ...(input.options as object | undefined), bascule_contract_stray: true }
  const message =
    'an option that it does not know is let through: a misspelt one would be silently without effect; use a strict schema'
  assert.throws(() => stageConfig(stage, { ...input, options }, (own) => [own]), TypeError, message)
}

async function isPure(stage: Stage, input: Input): Promise<void> {
  const config = stageConfig(stage, input, (own) => [own])
  const { route } = config.programs[0]!
  const { options } = config.profile.stages[0] ?? { options: undefined }
  const ask = () => ({
    applies: stage.applies?.(route, options),
    requires: stage.requires?.(route, options),
    problems: [...(stage.problems?.(route, options) ?? [])],
  })
  assert.deepEqual(ask(), ask(), 'applies, requires and problems must be pure')
}

async function setsUpTwice(stage: Stage, input: Input): Promise<void> {
  const old = await setUpStage(stage, input)
  const next = await setUpStage(stage, input)
  try {
    await old.close()
    sound(await next.run(), {})
  } finally {
    await next.close()
  }
}

async function leavesNothing(stage: Stage, input: Input): Promise<void> {
  const count = process.getActiveResourcesInfo as (() => readonly string[]) | undefined
  if (count === undefined) return
  const before = tally(count())
  const running = await setUpStage(stage, input)
  await running.run()
  await running.close()
  await new Promise((resolve) => setImmediate(resolve))
  const left = [...tally(count())].filter(([kind, n]) => n > (before.get(kind) ?? 0)).map(([kind]) => kind)
  assert.deepEqual(
    left,
    [],
    'after closing these are still open; make them through the host, or close them with host.onClose',
  )
}

function tally(kinds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  // What the test runner itself prints and reads comes and goes.
  for (const kind of kinds)
    if (!/^(Immediate|TTYWrap|PipeWrap|FSReqPromise|.*Write.*)$/.test(kind))
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

async function bears(stage: Stage, input: Input, cases: readonly RequestInput[]): Promise<void> {
  await using running = await setUpStage(stage, input)
  for (const request of cases) sound(await running.run(request), request)
}

async function bearsMany(stage: Stage, input: Input, cases: readonly RequestInput[]): Promise<void> {
  await using running = await setUpStage(stage, input)
  const many = Array.from({ length: 5 }, () => cases).flat()
  const runs = await Promise.all(many.map((request) => running.run(request)))
  for (const [i, run] of runs.entries()) sound(run, many[i]!)
}

async function bearsLeaving(stage: Stage, input: Input, cases: readonly RequestInput[]): Promise<void> {
  const lost: unknown[] = []
  const note = (error: unknown) => void lost.push(error)
  process.on('unhandledRejection', note)
  try {
    await using running = await setUpStage(stage, input)
    for (const request of cases) await running.run(request, { leave: true })
    sound(await running.run(), {})
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('unhandledRejection', note)
  }
  assert.deepEqual(lost, [], 'a promise was rejected that nobody waits for')
}

async function hooksAreSynchronous(stage: Stage, input: Input): Promise<void> {
  const late: string[] = []
  const watched: Stage = { ...stage, setup: async (host) => watch(await stage.setup(host), late) as never }
  await using running = await setUpStage(watched, input)
  await running.run()
  assert.deepEqual(
    late,
    [],
    'these hooks returned something; they are synchronous and return nothing (what waits belongs in run)',
  )
}

type AnyHooks = Partial<Hooks<Role, SlotName, SlotName, SlotName>>

function watch(made: unknown, late: string[]): unknown {
  if (typeof made === 'function') return (route: Route) => watch((made as (route: Route) => unknown)(route), late)
  const hooks = made as AnyHooks
  const wrapped: AnyHooks = { ...(hooks.run && { run: hooks.run.bind(hooks) as NonNullable<AnyHooks['run']> }) }
  for (const name of ['response', 'settled'] as const) {
    const hook = hooks[name]?.bind(hooks) as ((...args: readonly unknown[]) => unknown) | undefined
    if (!hook) continue
    wrapped[name] = (...args: readonly unknown[]) => {
      if (hook(...args) !== undefined && !late.includes(name)) late.push(name)
      return undefined
    }
  }
  return wrapped
}

const canaries = { Cookie: 'bff_session=canary-cookie', Authorization: 'Bearer canary-token' }

async function logsNoSecret(stage: Stage, input: Input, cases: readonly RequestInput[]): Promise<void> {
  await using running = await setUpStage(stage, input)
  for (const { headers = {}, ...request } of cases) {
    const own = Array.isArray(headers) ? headers : Object.entries(headers).flat()
    await running.run({ ...request, headers: [...own, ...Object.entries(canaries).flat()] })
  }
  const told = running.log.lines.filter((line) => /canary-(cookie|token)/.test(JSON.stringify(line)))
  assert.deepEqual(told, [], 'a log line has what the client sent as Cookie or Authorization')
}
