import { readFileSync } from 'node:fs'
import type { ConfigDirectory } from '../config/directory.ts'
import { readDocument } from '../config/document.ts'
import type { Report } from '../config/report.ts'
import { validate } from '../config/validate.ts'
import type { DoctorHost, FilePlace, ForeignFile } from '../contract.ts'
import { PluginHost } from '../generation/plugin-host.ts'
import { settingsOf } from '../load/context.ts'
import type { LoadedConfig } from '../load/load-config.ts'
import type { Scope } from '../resources/scope.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'

export interface Practice {
  readonly directory: ConfigDirectory
  readonly report: Report
  readonly flags: Readonly<Record<string, string | true | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A plugin's host that can also say where settings stand, and read the files of other systems. */
export class PractisingHost extends PluginHost implements DoctorHost {
  readonly flags: Practice['flags']
  readonly env: Practice['env']
  readonly #practice: Practice

  constructor(scope: Scope, config: LoadedConfig, options: unknown, practice: Practice) {
    super(scope, config, options)
    this.flags = practice.flags
    this.env = practice.env
    this.#practice = practice
  }

  place(file: 'settings.yaml' | 'routes.yaml', path: readonly PropertyKey[], at?: 'key' | 'value'): FilePlace {
    const { directory } = this.#practice
    const document = file === 'routes.yaml' ? directory.routes! : settingsOf(directory)
    return document.place(path, at)
  }

  read<T>(file: string, schema: StandardSchemaV1<unknown, T>): ForeignFile<T> | undefined {
    const { report, env } = this.#practice
    const document = readDocument(file, { report, env: { ...unset(file), ...env } })
    if (document === undefined) return undefined
    const data = validate(schema, document.value, { document, path: [], report })
    return data === undefined ? undefined : { file, data, place: (path, at) => document.place(path, at) }
  }
}

/** The file's own program has these variables, we need not: most are secrets, which no doctor asks for. */
function unset(file: string): Readonly<Record<string, string>> {
  try {
    const names = readFileSync(file, 'utf8').matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g)
    return Object.fromEntries([...names].map(([, name]) => [name, `(${name} is not set here)`]))
  } catch {
    return {}
  }
}
