import { isAbsolute, relative } from 'node:path'
import process from 'node:process'

/** Where something stands in a config file. Lines and columns count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Config that was given as data has no lines; it is named by this instead: `createBascule().routes[0].path`. */
  readonly path?: string
}

/** `error`: the config is refused. `warning`: it is taken, and somebody should look. `notice`: nothing is wrong, but something in it is not read. */
export type Severity = 'error' | 'warning' | 'notice'

/** One thing that is wrong in a config, and where. */
export interface Problem {
  readonly severity: Severity
  readonly place: Place
  /** One line for people. Never the value of a secret. */
  readonly message: string
}

/** Collects what is wrong, so that one run tells everything at once. */
export class Report {
  readonly #problems: Problem[] = []
  readonly #hidden = new Set<string>()

  error(place: Place, message: string): void {
    this.#problems.push({ severity: 'error', place, message })
  }

  warn(place: Place, message: string): void {
    this.#problems.push({ severity: 'warning', place, message })
  }

  notice(place: Place, message: string): void {
    this.#problems.push({ severity: 'notice', place, message })
  }

  /** From here on no message shows this text: what came from a `file:` or a variable may be a secret, whoever quotes it. */
  hide(text: string): void {
    if (text.length >= 4) this.#hidden.add(text)
  }

  /** By file, line and column; what was said twice is there once (two plugins may validate one section). */
  get problems(): readonly Problem[] {
    const seen = new Set<string>()
    const shown = this.#problems.map((problem) => ({ ...problem, message: this.#withoutHidden(problem.message) }))
    return shown.sort(byPlace).filter((problem) => {
      const line = formatProblem(problem)
      return !seen.has(line) && seen.add(line)
    })
  }

  get failed(): boolean {
    return this.#problems.some((problem) => problem.severity === 'error')
  }

  #withoutHidden(message: string): string {
    let shown = message
    // The longest first: a secret that contains another must not leave its rest behind.
    for (const text of [...this.#hidden].sort((a, b) => b.length - a.length)) shown = shown.replaceAll(text, '[hidden]')
    return shown
  }
}

/** For callers that cannot go on; the message is all errors, one a line. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }

  /** Without the warnings, which kept nothing from running. */
  get errors(): readonly Problem[] {
    return this.problems.filter(({ severity }) => severity === 'error')
  }
}

/** The start of a file, for what is missing from it as a whole. */
export function startOf(file: string): Place {
  return { file, line: 1, column: 1 }
}

/** A file's name as people would type it: relative where it lies below the current directory. */
export function formatFile(file: string): string {
  const near = relative(process.cwd(), file)
  return near === '' || near.startsWith('..') || isAbsolute(near) ? file : near
}

/** FILE:LINE:COLUMN, or the path of what was given as data. */
export function formatPlace(place: Place): string {
  if (place.path !== undefined) return place.path
  return `${formatFile(place.file)}:${place.line}:${place.column}`
}

/** FILE:LINE:COLUMN error MESSAGE */
export function formatProblem(problem: Problem): string {
  return `${formatPlace(problem.place)} ${problem.severity} ${oneLine(problem.message)}`
}

/** Control characters out: a key of a config file, or a plugin's own message, must not forge a second line. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim()
}

function byPlace(a: Problem, b: Problem): number {
  const { place: p } = a
  const { place: q } = b
  const apart = compareText(p.file, q.file) || p.line - q.line || p.column - q.column
  return apart || inOrder.compare(p.path ?? '', q.path ?? '')
}

/** So that routes[10] comes after routes[2]. */
const inOrder = new Intl.Collator('en', { numeric: true })

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
