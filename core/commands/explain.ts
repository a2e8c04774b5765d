import { formatProblem } from '../config/report.ts'
import type { Explanation } from '../explain/explain.ts'
import { problemsAsData } from './check.ts'
import {
  type Args,
  type Command,
  configDirectory,
  configOption,
  type Io,
  profileOption,
  textArg,
  UsageError,
} from './command.ts'

export const explain: Command = {
  name: 'explain',
  summary: 'says which route matches a request, what each stage would do, and what would leave',
  usage:
    'bascule explain METHOD PATH [--as anonymous|user] [--header "NAME: VALUE"] [--config DIR] [--profile NAME] [--json]',
  words: ['METHOD', 'PATH'],
  options: {
    as: { value: 'anonymous|user', summary: 'with or without a session (anonymous)' },
    header: { value: '"NAME: VALUE"', summary: 'a header of the request, e.g. "Host: app.example.com"' },
    config: configOption,
    profile: profileOption,
  },
  run: runExplain,
}

async function runExplain(args: Args, io: Io): Promise<number> {
  const question = questionOf(args)
  const { loadConfig } = await import('../load/load-config.ts')
  const { report, config } = await loadConfig({
    dir: configDirectory(args, io),
    env: io.env,
    profile: textArg(args, 'profile'),
  })
  if (!config) {
    if (args.json) io.out(`${JSON.stringify({ ok: false, problems: problemsAsData(report.problems) }, null, 2)}\n`)
    else for (const problem of report.problems) io.err(`${formatProblem(problem)}\n`)
    return 2
  }
  const { Explainer } = await import('../explain/explain.ts')
  const explainer = await Explainer.open(config)
  try {
    const told = await explainer.explain(question)
    io.out(args.json ? `${JSON.stringify(told, null, 2)}\n` : describe(told))
    return 0
  } finally {
    await explainer.close()
  }
}

function questionOf(args: Args) {
  const method = textArg(args, 'METHOD')!
  const target = textArg(args, 'PATH')!
  const as = textArg(args, 'as') ?? 'anonymous'
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method))
    throw new UsageError(`METHOD must be a word such as GET, not ${method}`)
  if (/[\s\0]/.test(target) || target === '')
    throw new UsageError('PATH is sent as it is: without blanks, e.g. /api/v1/orders?limit=2')
  if (as !== 'anonymous' && as !== 'user') throw new UsageError('--as must be anonymous or user')
  const header = textArg(args, 'header')
  const [, name, value] = /^([^\s:]+):\s*([^\r\n]*)$/.exec(header ?? '') ?? []
  if (header !== undefined && name === undefined) throw new UsageError('--header is written as "NAME: VALUE"')
  return { method, target, as, ...(name !== undefined && { headers: [[name, value ?? '']] as const }) } as const
}

function describe(told: Explanation): string {
  const lines = [`${told.method} ${told.target} as ${told.as}`, '']
  if (told.route) lines.push(`route  ${told.route.id}  ${told.route.path}  (${told.route.at})`)
  else lines.push('route  none')
  for (const miss of told.near_misses) lines.push(`   not ${miss.route}: ${miss.why}  (${miss.at})`)
  if (told.stages.length > 0) lines.push('')
  const width = Math.max(0, ...told.stages.map((stage) => stage.name.length))
  for (const stage of told.stages) {
    lines.push(`  ${stage.name.padEnd(width)}  ${verdictOf(stage)}`)
    for (const would of stage.would)
      lines.push(
        ...would.split('\n').map((line) => `  ${' '.repeat(width)}  would ${line}`.replace(/would (\s)/, '      $1')),
      )
  }
  const reason = told.reason ? `, reason ${told.reason}` : ''
  lines.push(
    '',
    told.code === 'OK'
      ? `answer  by ${told.stages.at(-1)?.name ?? 'core'}`
      : `answer  ${told.status} ${told.code}${reason}`,
  )
  return `${lines.join('\n')}\n`
}

function verdictOf({ verdict, status, code, reason, gave }: Explanation['stages'][number]): string {
  const given = Object.entries(gave ?? {}).map(([slot, value]) =>
    value === true ? slot : `${slot}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const parts = [
    verdict,
    status !== undefined && code !== 'OK' ? `${status} ${code}` : '',
    reason ? `reason ${reason}` : '',
    ...given,
  ]
  return parts.filter(Boolean).join('  ')
}
