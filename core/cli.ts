import process from 'node:process'
import { runCli } from './commands/run-cli.ts'
import { allowTypeScript } from './plugin-loading/typescript.ts'

// `bascule check | head`: a reader that has seen enough is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

allowTypeScript()
process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  env: process.env,
  colours: process.stdout.isTTY === true,
})

// A handle that somebody forgot must not keep a stopped bridge in the process list; without one this never fires.
setTimeout(() => process.exit(), 1000).unref()
