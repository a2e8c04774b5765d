import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConfigSchemas } from '../schema/config-schemas.ts'
import { type Args, type Command, configDirectory, configOption, type Io, textArg } from './command.ts'

export const schema: Command = {
  name: 'schema',
  summary: 'prints or writes the JSON Schemas of the config files, for editors',
  usage: 'bascule schema [--out DIR] [--config DIR] [--json]',
  options: {
    out: { value: 'DIR', summary: 'writes settings.schema.json, routes.schema.json and profile.schema.json there' },
    config: configOption,
  },
  run: runSchema,
}

async function runSchema(args: Args, io: Io): Promise<number> {
  const { loadConfig } = await import('../load/load-config.ts')
  const { config } = await loadConfig({ dir: configDirectory(args, io), env: io.env })
  // An editor is of most use while the config is wrong: then at least the built-in plugins are known.
  if (!config)
    io.err('bascule: this config cannot be loaded (bascule check says why), so its own plugins are left out\n')
  const { configSchemas } = await import('../schema/config-schemas.ts')
  const { knownPlugins } = await import('../schema/known-plugins.ts')
  const schemas = configSchemas(await knownPlugins(config))
  const out = textArg(args, 'out')
  if (out === undefined) io.out(`${JSON.stringify(schemas, null, 2)}\n`)
  else tell(write(schemas, out), args.json === true, io)
  return 0
}

function write(schemas: ConfigSchemas, dir: string): string[] {
  mkdirSync(dir, { recursive: true })
  return Object.entries(schemas).map(([name, content]) => {
    const file = join(dir, `${name}.schema.json`)
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
    return file
  })
}

function tell(files: readonly string[], json: boolean, io: Io): void {
  if (json) return io.out(`${JSON.stringify({ ok: true, files }, null, 2)}\n`)
  io.out(`${files.join('\n')}\n\nfirst line of a YAML file: # yaml-language-server: $schema=PATH\n`)
}
