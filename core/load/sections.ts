import { coreSettings } from '../config/schemas.ts'
import { didYouMean } from '../config/suggest.ts'
import { aboutPath } from '../config/words.ts'
import type { Base, ConfigView, Section, Sections } from '../contract.ts'
import { type LoadContext, loadNamed, validateKey } from './context.ts'
import { asksNothing, builtInReader } from './unread.ts'

/** The sections of settings.yaml that loaded plugins read: validated, and the services they name loaded with the rest. */
export class SectionReader {
  readonly #context: LoadContext
  readonly #read = new Map<string, { readonly section: Section<unknown>; readonly value: unknown }>()

  constructor(context: LoadContext) {
    this.#context = context
  }

  get values(): Readonly<Partial<Sections>> {
    return Object.fromEntries([...this.#read].map(([key, { value }]) => [key, value])) as Partial<Sections>
  }

  /** A section may name services, and those bring sections of their own: goes on until nobody new turns up. */
  async readAll(): Promise<void> {
    const { plugins } = this.#context
    for (let before = -1; before !== plugins.size; ) {
      before = plugins.size
      for (const plugin of [...plugins.keys()]) await this.#readOf(plugin)
    }
  }

  /** Stages that sections ask for by their values, and the section. */
  *stages(): Iterable<readonly [name: string, section: string]> {
    for (const [key, { section, value }] of this.#read) {
      if (value !== undefined) for (const name of section.stages?.(value) ?? []) yield [name, key]
    }
  }

  /** What one section alone cannot tell. */
  review(view: Omit<ConfigView, 'sections' | 'error' | 'warn'>): void {
    const { settings, report } = this.#context
    const sections = this.values
    for (const [key, { section, value }] of this.#read) {
      if (value === undefined) continue
      section.review?.(value, {
        ...view,
        sections,
        error: (path, message) =>
          report.error(settings.place([key, ...path], 'key'), aboutPath([key, ...path], message)),
        warn: (path, message) => report.warn(settings.place([key, ...path], 'key'), aboutPath([key, ...path], message)),
      })
    }
  }

  async #readOf(plugin: Base<unknown>): Promise<void> {
    const { settings, report, plugins } = this.#context
    for (const [key, section] of Object.entries(
      (plugin.sections ?? {}) as Readonly<Record<string, Section<unknown>>>,
    )) {
      const known = this.#read.get(key)
      if (known && known.section !== section) {
        report.error(plugins.get(plugin)!, `${plugin.name} reads the section ${key}, which another plugin owns`)
      }
      if (known) continue
      const value = validateKey(section.schema, settings, key, report)
      this.#read.set(key, { section, value })
      if (value !== undefined) await loadNamed(section.refs?.(value) ?? [], settings, [key], this.#context)
    }
  }

  /** Every key is either effective or an error: a setting that is silently ignored is how doors stay open. `whole`: every stage could be loaded. */
  async refuseUnread(whole: boolean): Promise<void> {
    const { settings, report, loader } = this.#context
    const known = [...Object.keys(coreSettings), ...this.#read.keys()]
    for (const key of Object.keys(settings.value)) {
      if (known.includes(key)) continue
      const guess = didYouMean(key, known)
      if (!guess && !whole) continue // perhaps the stage that could not be loaded reads it
      const reader = await builtInReader(loader, 'sections', key)
      if (reader && asksNothing(reader.schema, settings.value[key])) continue
      const why = reader
        ? `: no stage of this profile reads it; add ${reader.stage}, or remove it`
        : guess || ': no stage of this profile reads it; remove it, or add the stage'
      report.error(settings.place([key], 'key'), `unknown key "${key}"${why}`)
    }
  }
}
