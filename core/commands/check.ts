import { describePlan, planOf } from '../compile/plan.ts'
import { formatFile, formatProblem, type Problem } from '../config/report.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import { type Args, type Command, configDirectory, configOption, type Io, profileOption, textArg } from './command.ts'

export const check: Command = {
  name: 'check',
  summary: 'validates all config and every pipeline, without opening a port or a connection',
  usage: 'bascule check [--config DIR] [--profile NAME] [--plan] [--json]',
  options: {
    config: configOption,
    profile: profileOption,
    plan: { summary: "print each route's stages" },
  },
  run: runCheck,
}

async function runCheck(args: Args, io: Io): Promise<number> {
  const dir = configDirectory(args, io)
  const { loadConfig } = await import('../load/load-config.ts')
  const { report, config } = await loadConfig({ dir, env: io.env, profile: textArg(args, 'profile') })
  const { problems } = report
  if (args.json) io.out(`${JSON.stringify(asData(problems, config, args.plan === true), null, 2)}\n`)
  else {
    for (const problem of problems) io.err(`${formatProblem(problem)}\n`)
    if (config) io.out(`${args.plan ? `${describePlan(config)}\n\n` : ''}${summaryOf(config)}\n${hintOf(config)}`)
  }
  return config ? 0 : 2
}

function asData(problems: readonly Problem[], config: LoadedConfig | undefined, plan: boolean) {
  return {
    ok: config !== undefined,
    problems: problemsAsData(problems),
    ...(config && plan && { plan: planOf(config) }),
  }
}

/** As `--json` prints them. */
export function problemsAsData(problems: readonly Problem[]) {
  return problems.map(({ severity, place, message }) => {
    return { severity, file: formatFile(place.file), line: place.line, column: place.column, message }
  })
}

function summaryOf({ profiles, programs, services }: LoadedConfig): string {
  const endpoints = programs.filter((planned) => planned.endpoint).length
  const names = profiles.map((profile) => profile.name).join(', ')
  const counts = [
    count(programs.length - endpoints, 'route'),
    count(endpoints, 'endpoint'),
    count(Object.keys(services).length, 'service'),
  ]
  return `ok: ${counts.join(', ')} (profile${profiles.length === 1 ? '' : 's'} ${names})`
}

/** What lies outside of the files is not for `check` to know. */
function hintOf({ profiles }: LoadedConfig): string {
  const asks = profiles.some((profile) => profile.stages.some(({ stage }) => stage.diagnose !== undefined))
  return asks ? 'bascule doctor checks that what lies outside of these files agrees with them\n' : ''
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
