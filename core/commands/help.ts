import type { Command, Io } from './command.ts'
import { commonOptions } from './parse-command.ts'

export function printHelp(commands: readonly Command[], io: Io, json: boolean): void {
  io.out(json ? `${JSON.stringify({ commands: commands.map(describe) }, null, 2)}\n` : overview(commands))
}

export function printCommandHelp(command: Command, io: Io, json: boolean): void {
  io.out(json ? `${JSON.stringify(describe(command), null, 2)}\n` : details(command))
}

function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const)
  return [
    'bascule: a programmable reverse proxy; its default profile is a Backend-for-Frontend.',
    '',
    'usage: bascule COMMAND [FLAGS]',
    '',
    ...table(rows),
    '',
    'bascule COMMAND --help says more; bascule --version prints the version.',
    '',
  ].join('\n')
}

function details(command: Command): string {
  const rows = Object.entries({ ...command.options, ...commonOptions }).map(
    ([name, { value, summary }]) => [`--${name}${value === undefined ? '' : ` ${value}`}`, summary] as const,
  )
  return [`usage: ${command.usage}`, '', `${command.summary}.`, '', ...table(rows), ''].join('\n')
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}

function describe({ name, summary, usage, options }: Command) {
  return { name, summary, usage, options: { ...options, ...commonOptions } }
}
