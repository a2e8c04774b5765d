import type { LineCounter } from 'yaml'
import type { Context } from './build-value.ts'
import type { Place, Report } from './report.ts'
import type { Env } from './substitute.ts'

type Path = readonly PropertyKey[]

export interface Building {
  readonly report: Report
  readonly env: Env
  /** What `file:` values are relative to. */
  readonly dir: string
}

export interface Built {
  readonly context: Context
  /** Files whose content stands in what is built. */
  readonly reads: readonly string[]
  /** What stands at (or around) this path could not be read. */
  broken(path: Path): boolean
}

/** What values are built by, with faults going to the report; `at` gives an offset its place. */
export function building(at: (offset: number) => Place, { report, env, dir }: Building): Built {
  const brokenPaths: Path[] = []
  const reads: string[] = []
  return {
    context: {
      env,
      dir,
      error(offset, message, path) {
        report.error(at(offset), message)
        brokenPaths.push(path)
      },
      read: (file) => void reads.push(file),
      hide: (text) => report.hide(text),
    },
    reads,
    broken: (path) => brokenPaths.some((bad) => bad.every((key, i) => String(key) === String(path[i]))),
  }
}

export function placeIn(file: string, lines: LineCounter): (offset: number) => Place {
  return (offset) => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
}
