import type { PlannedProgram, Profile } from '../compile/profile.ts'
import type { ListenerSettings } from '../config/core-settings.ts'
import { type ConfigDirectory, readConfigDirectory } from '../config/directory.ts'
import { Report } from '../config/report.ts'
import type { TlsSettings } from '../config/tls-settings.ts'
import type { Base, LogSettings, Sections, Service } from '../contract.ts'
import type { PluginLoader } from '../plugin-loading/plugin-loader.ts'
import { load } from './loading.ts'

export interface LoadOptions extends Overrides {
  readonly dir: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Instead of what settings.yaml says. */
export interface Overrides {
  readonly profile?: string | undefined
  readonly port?: number | undefined
  readonly adminPort?: number | undefined
}

/** Everything read, checked and planned; nothing opened. */
export interface LoadedConfig {
  readonly dir: string
  readonly server: ListenerSettings
  /** Absent: plain HTTP. */
  readonly tls?: TlsSettings | undefined
  readonly log: LogSettings
  readonly services: Readonly<Record<string, Service>>
  readonly sections: Readonly<Partial<Sections>>
  /** The default one. */
  readonly profile: Profile
  /** The default one first, then those that routes name. */
  readonly profiles: readonly Profile[]
  readonly programs: readonly PlannedProgram[]
  /** Of the admin listener. */
  readonly adminPrograms: readonly PlannedProgram[]
  readonly loader: PluginLoader
  /** Files whose change is a change of config. */
  readonly files: readonly string[]
  /** Validates what a reference gives a service plugin; rejects with a PluginError. */
  optionsOf(plugin: Base<unknown>, given: unknown): Promise<unknown>
}

export interface Loaded {
  readonly report: Report
  /** Absent when the report has errors. */
  readonly config?: LoadedConfig
}

/** Reads a config directory, loads its plugins and proves every program. Never throws for what a person wrote wrong: the report has it all. */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const report = new Report()
  return loadFrom(await readConfigDirectory(options.dir, { report, env: options.env }), report, options)
}

/** The same, from wherever the documents come. */
export async function loadFrom(directory: ConfigDirectory, report: Report, overrides: Overrides = {}): Promise<Loaded> {
  const config = await load(overrides, directory, report)
  return report.failed || !config ? { report } : { report, config }
}
