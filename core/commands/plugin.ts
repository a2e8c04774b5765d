import process from 'node:process'
import { type Args, type Command, type Io, textArg, UsageError } from './command.ts'

export const plugin: Command = {
  name: 'plugin',
  summary: 'plugin new NAME writes a working stage, its test and its page',
  usage: 'bascule plugin new NAME [--dir DIR] [--json]',
  words: ['ACTION', 'NAME'],
  options: {
    dir: { value: 'DIR', summary: 'where to (else this repository, this folder if it is empty, or a new folder NAME)' },
  },
  run: runPlugin,
}

async function runPlugin(args: Args, io: Io): Promise<number> {
  const { guessAction, NewPluginError, planPlugin, writePlugin } = await import('../plugin-new/new-plugin.ts')
  const action = textArg(args, 'ACTION')!
  if (action !== 'new')
    throw new UsageError(`plugin has no action ${action}${guessAction(action)}; usage: ${plugin.usage}`)
  try {
    const planned = await planPlugin(textArg(args, 'NAME')!, textArg(args, 'dir'), process.cwd())
    writePlugin(planned)
    const { dir, files, next } = planned
    const paths = Object.keys(files)
    if (args.json) io.out(`${JSON.stringify({ ok: true, dir, files: paths, next }, null, 2)}\n`)
    else io.out(`${dir}\n${paths.map((path) => `  ${path}`).join('\n')}\n\nnext: ${next.join(' && ')}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof NewPluginError)) throw error
    throw new UsageError(error.message)
  }
}
