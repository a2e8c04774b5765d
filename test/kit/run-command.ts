import { runCli } from '../../core/commands/run-cli.ts'

export interface CommandInput {
  readonly env?: Readonly<Record<string, string>>
  readonly colours?: boolean
}

/** `bascule` with these words, in this process: its exit code, and what it printed. */
export async function runCommand(argv: readonly string[], { env = {}, colours = false }: CommandInput = {}) {
  let out = ''
  let err = ''
  const code = await runCli(argv, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    env,
    colours,
  })
  return { code, out, err }
}
