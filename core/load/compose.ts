// What a profile's file says becomes one list of stages: its own, or another's with changes.
import type { ConfigDirectory } from '../config/directory.ts'
import type { ConfigDocument, Path } from '../config/document.ts'
import { formatPlace, type Place, type Report } from '../config/report.ts'
import { profileSchema, type StageRef } from '../config/schemas.ts'
import { didYouMean } from '../config/suggest.ts'
import { validate } from '../config/validate.ts'
import { useOf } from './context.ts'

/** One entry of the list, and where it was written. */
interface ListedRef {
  readonly ref: StageRef
  readonly document: ConfigDocument
  readonly path: Path
}

export interface ComposedProfile {
  readonly name: string
  /** Of `stages`, or of `extends`. */
  readonly place: Place
  readonly entries: readonly ListedRef[]
  /** Every file that had a say. */
  readonly files: readonly string[]
}

interface Composing {
  readonly directory: ConfigDirectory
  readonly report: Report
  /** Names on the way here: a profile may not come from itself. */
  readonly chain: readonly string[]
}

/** Undefined: there is no usable list, and the report says why. */
export function composeProfile(name: string, at: Place | undefined, by: Composing): ComposedProfile | undefined {
  const { directory, report, chain } = by
  if (chain.includes(name)) {
    report.error(at!, `profile ${name} extends itself: ${[...chain, name].join(' -> ')}; break the circle`)
    return undefined
  }
  const document = directory.profile(name, at)
  const read = document && validate(profileSchema, document.value, { document, path: [], report })
  if (!document || !read) return undefined
  if (read.stages) {
    const entries = read.stages.map((ref, i) => ({ ref, document, path: ['stages', i] }))
    return { name, place: document.place(['stages'], 'key'), entries, files: [document.file] }
  }
  const place = document.place(['extends'])
  const base = composeProfile(read.extends!, place, { ...by, chain: [...chain, name] })
  if (!base) return undefined
  const list = new StageList(base, document, report)
  for (const [i, use] of read.remove.entries()) list.remove(use, ['remove', i])
  for (const [use, ref] of Object.entries(read.replace)) list.replace(use, ref, ['replace', use])
  for (const [i, entry] of read.insert.entries()) list.insert(entry, ['insert', i])
  return { name, place, entries: list.entries, files: [...base.files, document.file] }
}

interface Insertion {
  readonly use: string
  readonly with?: Record<string, unknown> | undefined
  readonly timeout?: number | undefined
  readonly before?: string | undefined
  readonly after?: string | undefined
}

/** A list that changes are made to, one after the other; each names a stage that must be there. */
class StageList {
  readonly entries: ListedRef[]
  readonly #base: string
  readonly #document: ConfigDocument
  readonly #report: Report

  constructor(base: ComposedProfile, document: ConfigDocument, report: Report) {
    this.entries = [...base.entries]
    this.#base = base.name
    this.#document = document
    this.#report = report
  }

  remove(use: string, path: Path): void {
    const at = this.#find(use, path)
    if (at !== -1) this.entries.splice(at, 1)
  }

  replace(use: string, ref: StageRef, path: Path): void {
    const at = this.#find(use, path, 'key')
    if (at !== -1) this.entries[at] = { ref, document: this.#document, path }
  }

  insert({ before, after, ...ref }: Insertion, path: Path): void {
    const anchor = before ?? after!
    const at = this.#find(anchor, [...path, before === undefined ? 'after' : 'before'])
    if (at === -1) return
    const twin = this.entries.find((entry) => useOf(entry.ref) === ref.use)
    if (twin) {
      const first = formatPlace(twin.document.place(twin.path))
      this.#report.error(
        this.#document.place(path),
        `stage ${ref.use} is in the list already, at ${first}; use replace to change it`,
      )
      return
    }
    this.entries.splice(before === undefined ? at + 1 : at, 0, { ref, document: this.#document, path })
  }

  #find(use: string, path: Path, where: 'key' | 'value' = 'value'): number {
    const at = this.entries.findIndex((entry) => useOf(entry.ref) === use)
    if (at === -1) {
      const names = this.entries.map((entry) => useOf(entry.ref))
      const message = `profile ${this.#base} has no stage ${use}${didYouMean(use, names)}; here it has ${names.join(', ')}`
      this.#report.error(this.#document.place(path, where), message)
    }
    return at
  }
}
