import type { StandardIssue, StandardResult, StandardSchemaV1 } from '../standard-schema.ts'
import type { ConfigDocument, Path } from './document.ts'
import type { Report } from './report.ts'
import { isZod, knownKeys } from './schema-keys.ts'
import { didYouMean, likely } from './suggest.ts'
import { aboutPath, nameOf } from './words.ts'
import { type Finding, findingsOf, type ZodIssue } from './zod-sentences.ts'

export interface Where {
  readonly document: ConfigDocument
  /** Where in the document `value` stands; places are found below it. */
  readonly path: Path
  readonly report: Report
}

/** What the schema makes of the value; undefined where it found fault, and each fault is in the report with its place. */
export function validate<T>(schema: StandardSchemaV1<unknown, T>, value: unknown, where: Where): T | undefined {
  // Reported already; a default in its place would only lead on to wrong complaints.
  if (where.document.broken(where.path)) return undefined
  const result = run(schema, value, where)
  if (result === undefined) return undefined
  if (result.issues === undefined) return result.value
  const findings = isZod(schema)
    ? result.issues.flatMap((issue) => findingsOf(issue as unknown as ZodIssue, value))
    : result.issues.map(plainFinding)
  for (const { path, message, at } of named(findings, schema, where)) {
    const full = [...where.path, ...path]
    // A value that could not be read (a missing variable, say) has been reported already.
    if (!where.document.broken(full)) where.report.error(where.document.place(full, at), aboutPath(full, message))
  }
  return undefined
}

function run<T>(schema: StandardSchemaV1<unknown, T>, value: unknown, where: Where): StandardResult<T> | undefined {
  const place = () => where.document.place(where.path, 'key')
  const what = nameOf(where.path) || 'this file'
  try {
    const result = schema['~standard'].validate(value)
    if (!(result instanceof Promise)) return result
    result.catch(() => undefined)
    where.report.error(
      place(),
      `the schema of ${what} is asynchronous; config is checked without waiting, so it must not be`,
    )
  } catch (error) {
    // Only the error's name: its message may quote the value.
    const name = error instanceof Error ? error.name : 'something that is no Error'
    where.report.error(place(), `the schema of ${what} threw ${name} instead of telling what is wrong`)
  }
  return undefined
}

function plainFinding(issue: StandardIssue): Finding {
  const path = (issue.path ?? []).map((step) => (typeof step === 'object' ? step.key : step))
  return { path, message: issue.message, at: 'value' }
}

/** Names unknown keys with the word that was meant; the key that was meant is then not also "required". */
function named(findings: readonly Finding[], schema: StandardSchemaV1, where: Where): Finding[] {
  const meant = new Set<string>()
  const known = (path: Path) => knownKeys(schema, path)
  const told = findings.map((finding) => {
    if (finding.unknownKey === undefined) return finding
    const parent = finding.path.slice(0, -1)
    const guess = likely(finding.unknownKey, known(parent))
    if (guess !== undefined) meant.add(JSON.stringify([...parent, guess].map(String)))
    return { ...finding, message: unknownKey(finding.unknownKey, [...where.path, ...parent], known(parent)) }
  })
  return told.filter(({ path, message }) => message !== 'is required' || !meant.has(JSON.stringify(path.map(String))))
}

/** `unknown key "x" in auth (did you mean "y"?)` */
export function unknownKey(key: string, parent: Path, known: Iterable<string>): string {
  const place = parent.length === 0 ? '' : ` in ${nameOf(parent)}`
  return `unknown key "${key}"${place}${didYouMean(key, known)}`
}
