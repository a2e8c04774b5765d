import { join } from 'node:path'
import type { ConfigDirectory } from '../config/directory.ts'
import type { ConfigDocument, Path } from '../config/document.ts'
import { type Place, type Report, startOf } from '../config/report.ts'
import { validate } from '../config/validate.ts'
import type { Base, NamedService, PluginRef } from '../contract.ts'
import { PluginError, type PluginLoader } from '../plugin-loading/plugin-loader.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'

/** What the steps of one load share: the documents, the report, and the plugins met so far. */
export class LoadContext {
  readonly directory: ConfigDirectory
  readonly report: Report
  readonly loader: PluginLoader
  /** Every plugin met, and where config first names it. */
  readonly plugins = new Map<Base<unknown>, Place>()

  constructor(directory: ConfigDirectory, report: Report, loader: PluginLoader) {
    this.directory = directory
    this.report = report
    this.loader = loader
  }

  /** settings.yaml, or what stands for it: a file that is absent has only defaults, and what is required is missing at its first line. */
  get settings(): ConfigDocument {
    return settingsOf(this.directory)
  }

  /** Undefined: it cannot be loaded, and the report says why. */
  async plugin<T extends Base<unknown>>(
    place: Place,
    load: (loader: PluginLoader) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      const plugin = await load(this.loader)
      if (!this.plugins.has(plugin)) this.plugins.set(plugin, place)
      return plugin
    } catch (error) {
      if (!(error instanceof PluginError)) throw error
      this.report.error(place, error.message)
      return undefined
    }
  }

  /** What the plugin's schema makes of `with`. */
  options(plugin: Base<unknown>, given: unknown, document: ConfigDocument, path: Path): unknown {
    if (plugin.options) return validate(plugin.options, given ?? {}, { document, path, report: this.report })
    if (given !== undefined)
      this.report.error(document.place(path, 'key'), `${plugin.name} takes no options; remove this`)
    return undefined
  }
}

/** Loads the services that a plugin's options, or a section, name, and validates what they are given. `path`: of what names them. */
export async function loadNamed(
  named: Iterable<NamedService>,
  document: ConfigDocument,
  path: Path,
  context: LoadContext,
): Promise<void> {
  for (const { kind, ref, path: inner } of named) {
    const at = [...path, ...inner]
    const service = await context.plugin(document.place(at), (loader) => loader.load(kind, useOf(ref)))
    if (service) context.options(service, withOf(ref), document, [...at, 'with'])
  }
}

export function settingsOf(directory: ConfigDirectory): ConfigDocument {
  return directory.settings ?? emptyDocument(join(directory.dir, 'settings.yaml'))
}

function emptyDocument(file: string): ConfigDocument {
  return { file, value: Object.create(null), reads: [], place: () => startOf(file), broken: () => false }
}

/** One top-level key of a document, by its schema. */
export function validateKey<T>(
  schema: StandardSchemaV1<unknown, T>,
  document: ConfigDocument,
  key: string,
  report: Report,
): T | undefined {
  return validate(schema, document.value[key], { document, path: [key], report })
}

export function useOf(ref: PluginRef): string {
  return typeof ref === 'string' ? ref : ref.use
}

export function withOf(ref: PluginRef): Readonly<Record<string, unknown>> | undefined {
  return typeof ref === 'string' ? undefined : ref.with
}
