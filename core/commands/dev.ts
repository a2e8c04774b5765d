import { existsSync } from 'node:fs'
import { ownFolder } from '../own-package.ts'
import { type Args, type Command, configOption, type Io, portArg, textArg } from './command.ts'

/** What examples/dev/main.ts takes; a port that is absent has its default. */
export interface DevOptions {
  readonly port?: number | undefined
  readonly adminPort?: number | undefined
  readonly idpPort?: number | undefined
  readonly analyticsPort?: number | undefined
  readonly crudPort?: number | undefined
  readonly spaPort?: number | undefined
  readonly config?: string | undefined
  readonly json: boolean
}

export const dev: Command = {
  name: 'dev',
  summary: 'runs the bridge with a dev identity provider, two sample backends and a sample page',
  usage:
    'bascule dev [--port N] [--admin-port N] [--idp-port N] [--analytics-port N] [--crud-port N] [--spa-port N] [--config DIR] [--json]',
  options: {
    port: { value: 'N', summary: 'port of the bridge (8080)' },
    'admin-port': { value: 'N', summary: 'port of its admin listener (9090)' },
    'idp-port': { value: 'N', summary: 'port of the dev identity provider (8090)' },
    'analytics-port': { value: 'N', summary: 'port of the sample analytics backend (8100)' },
    'crud-port': { value: 'N', summary: 'port of the sample crud backend (8101)' },
    'spa-port': { value: 'N', summary: 'port of the sample page (8102)' },
    config: configOption,
  },
  run: runDevCommand,
}

async function runDevCommand(args: Args, io: Io): Promise<number> {
  const options: DevOptions = {
    port: portArg(args, 'port'),
    adminPort: portArg(args, 'admin-port'),
    idpPort: portArg(args, 'idp-port'),
    analyticsPort: portArg(args, 'analytics-port'),
    crudPort: portArg(args, 'crud-port'),
    spaPort: portArg(args, 'spa-port'),
    config: textArg(args, 'config'),
    json: args.json === true,
  }
  // By address: the samples are no part of the program, and an installed package may come without them.
  const main = new URL('examples/dev/main.ts', ownFolder)
  if (!existsSync(main)) {
    io.err('bascule: the samples are not installed here; clone the repository to run bascule dev\n')
    return 1
  }
  const { runDev } = (await import(main.href)) as { runDev(options: DevOptions): Promise<number> }
  return runDev(options)
}
