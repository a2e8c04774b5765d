import { dirname } from 'node:path'
import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml'
import { buildValue, type Mapping } from './build-value.ts'
import { placeOf } from './node-place.ts'
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
  /** Of the value at this path, or of its key; where the path ends early, of the nearest thing that is there. */
  place(path: Path, at?: 'key' | 'value'): Place
  /** What stands at (or around) this path could not be read, and that is in the report already. */
  broken(path: Path): boolean
}

export interface ReadOptions {
  readonly report: Report
  readonly env: Env
  /** Instead of the file's own content. */
  readonly text?: string
  /** What `file:` values are relative to; the file's directory unless said. */
  readonly dir?: string
}

/** Undefined: there is no usable document, and the report says why. */
export function readDocument(file: string, options: ReadOptions): ConfigDocument | undefined {
  const { report } = options
  const read = options.text === undefined ? readTextFile(file, MAX_MIB) : { text: options.text }
  if ('why' in read) {
    report.error(startOf(file), `this file ${read.why}`)
    return undefined
  }
  const lines = new LineCounter()
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const parsed = parse(read.text, lines)
  if (parsed === undefined) {
    report.error(startOf(file), 'not valid YAML: the file is nested too deeply')
    return undefined
  }
  if (reportSyntax(parsed, read.text, at, report)) return undefined
  return interpret(file, parsed, at, { dir: dirname(file), ...options })
}

function parse(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    // `schema` and `merge` are said aloud, so that a `%YAML 1.1` line cannot bring merge keys and `yes` back.
    // uniqueKeys compares each key with each: buildValue does it with a set.
    return parseDocument(text, {
      lineCounter,
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      stringKeys: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
    })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
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

function interpret(
  file: string,
  parsed: Document.Parsed,
  at: (offset: number) => Place,
  options: ReadOptions & { readonly dir: string },
): ConfigDocument | undefined {
  const brokenPaths: Path[] = []
  const value = buildValue(parsed, {
    env: options.env,
    dir: options.dir,
    error: (offset, message, path) => {
      options.report.error(at(offset), message)
      brokenPaths.push(path)
    },
    hide: (text) => options.report.hide(text),
  })
  if (value === undefined) return undefined
  return {
    file,
    value,
    place: (path, which = 'value') => at(placeOf(parsed, path, which)),
    broken: (path) => brokenPaths.some((bad) => bad.every((key, i) => String(key) === String(path[i]))),
  }
}
