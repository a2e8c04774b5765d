import { dirname } from 'node:path'
import { type Document, LineCounter, type YAMLError } from 'yaml'
import { buildValue, type Mapping } from './build-value.ts'
import { type Building, building, placeIn } from './building.ts'
import { placeOf } from './node-place.ts'
import { parseYaml } from './parse-yaml.ts'
import { readList } from './read-list.ts'
import { type Place, type Report, startOf } from './report.ts'
import type { Env } from './substitute.ts'
import { readTextFile } from './text-file.ts'
import { yamlSentence } from './yaml-problems.ts'

/** Ten thousand routes, with room. */
const MAX_MIB = 8

export type Path = readonly PropertyKey[]

/** One YAML file as plain data, and where each piece of it stands. */
export interface ConfigDocument {
  readonly file: string
  /** Maps have no prototype: `constructor` or `toString` is a key like any other, and there only if written. */
  readonly value: Mapping
  /** Files whose content stands in it (`file:PATH`). */
  readonly reads: readonly string[]
  /** Of the value at this path, or of its key; where the path ends early, of the nearest thing that is there. */
  place(path: Path, at?: 'key' | 'value'): Place
  /** What stands at (or around) this path could not be read, and that is in the report already. */
  broken(path: Path): boolean
}

interface ReadOptions {
  readonly report: Report
  readonly env: Env
  /** Instead of the file's own content. */
  readonly text?: string
  /** What `file:` values are relative to; the file's directory unless said. */
  readonly dir?: string
}

/** Undefined: there is no usable document, and the report says why. */
export function readDocument(file: string, options: ReadOptions): ConfigDocument | undefined {
  const text = textOf(file, options)
  return text === undefined ? undefined : readWhole(file, text, options)
}

/** The same of a file whose top-level list `name` may be long: in slices, between which requests are answered. */
export async function readListDocument(
  file: string,
  name: string,
  options: ReadOptions,
): Promise<ConfigDocument | undefined> {
  const text = textOf(file, options)
  if (text === undefined) return undefined
  const sliced = await readList(file, text, name, { dir: dirname(file), ...options })
  return sliced ?? readWhole(file, text, options)
}

function textOf(file: string, { text, report }: ReadOptions): string | undefined {
  const read = text === undefined ? readTextFile(file, MAX_MIB) : { text }
  if ('text' in read) return read.text
  report.error(startOf(file), `this file ${read.why}`)
  return undefined
}

function readWhole(file: string, text: string, options: ReadOptions): ConfigDocument | undefined {
  const { report } = options
  const lines = new LineCounter()
  const at = placeIn(file, lines)
  const parsed = parseYaml(text, lines)
  if (parsed === undefined) {
    report.error(startOf(file), 'not valid YAML: the file is nested too deeply')
    return undefined
  }
  if (reportSyntax(parsed, text, at, report)) return undefined
  const { value, reads, broken } = interpret(parsed, at, { dir: dirname(file), ...options })
  return value && { file, value, reads, broken, place: (path, which = 'value') => at(placeOf(parsed, path, which)) }
}

/** One problem a line: the parser stumbles on over the same slip. */
function reportSyntax(parsed: Document.Parsed, text: string, at: (offset: number) => Place, report: Report): boolean {
  const said = new Set<number>()
  for (const error of [...parsed.errors, ...parsed.warnings]) {
    const place = at(positionOf(error, text))
    if (said.has(place.line)) continue
    said.add(place.line)
    report.error(place, yamlSentence(error, lineAt(text, error.pos[0])))
  }
  return said.size > 0
}

/** An error at the file's very end is of the last line that has something on it. */
function positionOf(error: YAMLError, text: string): number {
  return Math.min(error.pos[0], text.trimEnd().length)
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  const end = text.indexOf('\n', offset)
  return text.slice(start, end < 0 ? undefined : end)
}

function interpret(parsed: Document.Parsed, at: (offset: number) => Place, options: Building) {
  const { context, reads, broken } = building(at, options)
  return { value: buildValue(parsed, context), reads, broken }
}
