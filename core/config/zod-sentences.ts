import type { z } from 'zod'
import { didYouMean } from './suggest.ts'
import { anyOf } from './words.ts'

export type ZodIssue = z.core.$ZodIssue

/** What a schema said of one place, in plain words. The value itself is never quoted: it may be a secret. */
export interface Finding {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly at: 'key' | 'value'
  /** A key that is not known here; the caller knows which are. */
  readonly unknownKey?: string
}

export function findingsOf(issue: ZodIssue, root: unknown): Finding[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message, at: 'key', unknownKey: key }))
  }
  const branch = issue.code === 'invalid_union' && isDefault(issue) ? chosenBranch(issue.errors) : undefined
  if (branch !== undefined) {
    return branch.flatMap((inner) => findingsOf({ ...inner, path: [...issue.path, ...inner.path] }, root))
  }
  if (issue.code === 'invalid_key') return [keyFinding(issue)]
  return [{ path: issue.path, at: 'value', message: sentence(issue, valueAt(root, issue.path)) }]
}

/** Of a union, the one alternative whose type fits: what is wrong inside it is what the user wants to hear. */
function chosenBranch(branches: readonly (readonly ZodIssue[])[]): readonly ZodIssue[] | undefined {
  const fitting = branches.filter((issues) => !issues.some((issue) => issue.path.length === 0 && isOfType(issue)))
  return [...fitting].sort((a, b) => a.length - b.length)[0]
}

function isOfType(issue: ZodIssue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}

function keyFinding(issue: ZodIssue & { code: 'invalid_key' }): Finding {
  const inner = issue.issues[0]
  const said = inner === undefined ? 'is not allowed' : sentence(inner, String(issue.path.at(-1)))
  return { path: issue.path, at: 'key', message: isDefault(issue) ? said : issue.message }
}

/** The author's own message wins; zod's are reworded. */
function sentence(issue: ZodIssue, actual: unknown): string {
  if (!isDefault(issue)) return issue.message
  if (actual === undefined) return 'is required'
  if (actual === null) return `is empty, but must be ${expectation(issue) ?? 'given'}`
  if (issue.code === 'invalid_type') return typeSentence(issue.expected, actual)
  const expected = expectation(issue)
  if (expected !== undefined) return `must be ${expected}${guess(issue, actual)}`
  return limitSentence(issue) ?? 'is not of the expected form'
}

function isDefault(issue: ZodIssue): boolean {
  return issue.code !== 'custom' && /^(?:Invalid|Unrecognized key|Too (?:big|small))/.test(issue.message)
}

function typeSentence(expected: string, actual: unknown): string {
  const scalar = typeof actual === 'number' || typeof actual === 'boolean'
  return `must be ${typeName(expected)}${expected === 'string' && scalar ? ': put it in quotes' : ''}`
}

function expectation(issue: ZodIssue): string | undefined {
  if (issue.code === 'invalid_type') return typeName(issue.expected)
  if (issue.code === 'invalid_value') return oneOf(issue.values.map(String))
  if (issue.code !== 'invalid_union') return undefined
  if ('options' in issue && Array.isArray(issue.options)) return oneOf(issue.options.map(String))
  const all = issue.errors.flat().flatMap((inner) => expectation(inner) ?? [])
  return all.length > 0 ? anyOf([...new Set(all)]) : undefined
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? values[0]! : `one of ${values.join(', ')}`
}

function guess(issue: ZodIssue, actual: unknown): string {
  return issue.code === 'invalid_value' && typeof actual === 'string'
    ? didYouMean(actual, issue.values.map(String))
    : ''
}

function limitSentence(issue: ZodIssue): string | undefined {
  if (issue.code === 'too_small') return limit(issue.origin, 'least', Number(issue.minimum), issue.inclusive !== false)
  if (issue.code === 'too_big') return limit(issue.origin, 'most', Number(issue.maximum), issue.inclusive !== false)
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`
  if (issue.code === 'invalid_format' && issue.format === 'url') return 'must be a URL'
  return undefined
}

function limit(origin: string, which: 'least' | 'most', count: number, inclusive: boolean): string {
  const unit = origin === 'string' ? 'character' : origin === 'array' ? 'item' : origin === 'number' ? '' : 'key'
  if (unit === '')
    return inclusive ? `must be at ${which} ${count}` : `must be ${which === 'least' ? 'above' : 'below'} ${count}`
  if (which === 'least' && count === 1) return 'must not be empty'
  return `must have at ${which} ${count} ${unit}${count === 1 ? '' : 's'}`
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list, such as [a, b]',
  object: 'a map of "key: value"',
  record: 'a map of "key: value"',
  null: 'empty',
  never: 'left out',
}

function typeName(expected: string): string {
  return typeNames[expected] ?? `a ${expected}`
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((here, key) => {
    return typeof here === 'object' && here !== null && Object.hasOwn(here, key) ? Reflect.get(here, key) : undefined
  }, root)
}
