import { ConfigError, formatProblem } from '../config/report.ts'
import { problemsAsData } from './check.ts'
import {
  type Args,
  type Command,
  configDirectory,
  configOption,
  type Io,
  portArg,
  profileOption,
  textArg,
} from './command.ts'

export const start: Command = {
  name: 'start',
  summary: 'runs the bridge; SIGHUP and file changes reload, SIGTERM and SIGINT drain',
  usage: 'bascule start [--config DIR] [--port N] [--admin-port N] [--profile NAME] [--json]',
  options: {
    config: configOption,
    port: { value: 'N', summary: "instead of settings.yaml's server.port" },
    'admin-port': { value: 'N', summary: "instead of settings.yaml's server.admin_port" },
    profile: profileOption,
  },
  run: runStart,
}

async function runStart(args: Args, io: Io): Promise<number> {
  const options = {
    dir: configDirectory(args, io),
    env: io.env,
    profile: textArg(args, 'profile'),
    port: portArg(args, 'port'),
    adminPort: portArg(args, 'admin-port'),
  }
  const { startFromDirectory } = await import('../server/start.ts')
  try {
    const { closed } = await startFromDirectory(options)
    return await closed
  } catch (error) {
    return failure(error, args, io)
  }
}

/** 2: the config is wrong, said as `check` says it. 1: it is right, but a start needs something that is not there. */
function failure(error: unknown, args: Args, io: Io): number {
  if (error instanceof ConfigError) {
    if (args.json) io.out(`${JSON.stringify({ ok: false, problems: problemsAsData(error.problems) }, null, 2)}\n`)
    else for (const problem of error.problems) io.err(`${formatProblem(problem)}\n`)
    return 2
  }
  if (!(error instanceof Error) || error.name !== 'StartError') throw error
  if (args.json) io.out(`${JSON.stringify({ ok: false, error: error.message }, null, 2)}\n`)
  else io.err(`bascule: ${error.message}\n`)
  return 1
}
