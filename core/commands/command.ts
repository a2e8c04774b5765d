/** Where a command reads and writes: the process, or a test. */
export interface Io {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** `out` is a terminal that shows colours. */
  readonly colours?: boolean
}

export interface Option {
  /** What stands for the value in the help, e.g. `DIR`. Absent: a flag without one. */
  readonly value?: string
  readonly summary: string
}

/** Flags as given: text, true, or absent. */
export type Args = Readonly<Record<string, string | true | undefined>>

export interface Command {
  readonly name: string
  readonly summary: string
  readonly usage: string
  readonly options: Readonly<Record<string, Option>>
  /** Words that must follow the command, in order; what is given for `PATH` is `args.PATH`. Absent: none may. */
  readonly words?: readonly string[]
  /** Answers the exit code: 0 good, 1 it ran and the answer is bad, 2 usage or config. */
  run(args: Args, io: Io): Promise<number>
}

/** What the user typed cannot be understood; one line, exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const configOption: Option = { value: 'DIR', summary: 'config directory (else BASCULE_CONFIG, else config/)' }
export const profileOption: Option = { value: 'NAME', summary: "profiles/NAME.yaml, instead of settings.yaml's" }

/** `--config`, else `BASCULE_CONFIG`, else `config/`. */
export function configDirectory(args: Args, io: Io): string {
  return textArg(args, 'config') ?? (io.env.BASCULE_CONFIG || 'config')
}

export function textArg(args: Args, name: string): string | undefined {
  const value = args[name]
  return typeof value === 'string' ? value : undefined
}

export function portArg(args: Args, name: string): number | undefined {
  const value = textArg(args, name)
  if (value === undefined) return undefined
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) {
    throw new UsageError(`--${name} must be a port: a whole number from 0 to 65535`)
  }
  return Number(value)
}
