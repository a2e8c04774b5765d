import { didYouMean } from '../config/suggest.ts'
import { check } from './check.ts'
import { type Command, type Io, UsageError } from './command.ts'
import { dev } from './dev.ts'
import { doctor } from './doctor.ts'
import { explain } from './explain.ts'
import { printCommandHelp, printHelp } from './help.ts'
import { parseCommand } from './parse-command.ts'
import { plugin } from './plugin.ts'
import { schema } from './schema.ts'
import { start } from './start.ts'
import { tail } from './tail.ts'
import { printVersion } from './version.ts'

/** None loads, as it is imported, what only its run needs: `bascule --help` answers at once. */
export const commands: readonly Command[] = [start, dev, check, explain, doctor, tail, plugin, schema]

/** Runs what the command line says and answers the exit code. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    const [first, ...rest] = argv
    if (first === undefined || first.startsWith('-')) return withoutCommand(argv, io)
    if (first === 'help') return help(rest, io)
    return await runCommand(find(first), rest, io)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    io.err(`bascule: ${error.message}\n`)
    return 2
  }
}

async function runCommand(command: Command, argv: readonly string[], io: Io): Promise<number> {
  const wantsHelp = argv.includes('--help') || argv.includes('-h')
  if (!wantsHelp) return command.run(parseCommand(command, argv), io)
  printCommandHelp(command, io, argv.includes('--json'))
  return 0
}

function withoutCommand(argv: readonly string[], io: Io): number {
  const json = argv.includes('--json')
  const stray = argv.find((flag) => !['--help', '-h', '--version', '-v', '--json'].includes(flag))
  if (stray !== undefined) {
    throw new UsageError(`unknown flag ${stray} before a command; bascule --help lists the commands`)
  }
  if (argv.includes('--version') || argv.includes('-v')) {
    printVersion(io, json)
    return 0
  }
  printHelp(commands, io, json)
  // Without a word about what to do nothing was done: a script must not take that for success.
  return argv.includes('--help') || argv.includes('-h') ? 0 : 2
}

function help(argv: readonly string[], io: Io): number {
  const json = argv.includes('--json')
  const name = argv.find((word) => !word.startsWith('-'))
  if (name === undefined) printHelp(commands, io, json)
  else printCommandHelp(find(name), io, json)
  return 0
}

function find(name: string): Command {
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) return command
  const guess = didYouMean(name, ['help', ...commands.map((one) => one.name)])
  throw new UsageError(`unknown command "${name}"${guess}; bascule --help lists them`)
}
