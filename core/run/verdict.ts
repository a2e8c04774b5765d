import type { ReplyExtra, Slots, Source } from '../contract.ts'
import type { Step } from './program.ts'

export type Word =
  | { readonly kind: 'proceed'; readonly values: Partial<Slots> | undefined }
  | { readonly kind: 'reply'; readonly status: number; readonly code: string; readonly extra: ReplyExtra }
  | { readonly kind: 'stream'; readonly source: Source }

/** A verdict remembers who said it and when: one from another request, or from an earlier stage, is no verdict here. */
export class Said {
  readonly word: Word
  readonly by: object
  readonly position: number

  constructor(word: Word, by: object, position: number) {
    this.word = word
    this.by = by
    this.position = position
  }
}

export function say(word: Word, by: object, position: number): Said {
  return new Said(word, by, position)
}

/** Why it is not exactly one verdict, said here and now and returned; undefined when it is. `words`: how many were said here. */
export function invalidVerdict(
  verdict: unknown,
  step: Step,
  by: object,
  position: number,
  words: number,
): string | undefined {
  if (!(verdict instanceof Said)) return `returned ${describe(verdict)}, which is no verdict`
  if (verdict.by !== by) return 'returned a verdict of another request'
  if (verdict.position !== position) return 'returned a verdict said by an earlier stage'
  if (words !== 1) return `said ${words} verdicts; a denial must be returned where it is said`
  const { word } = verdict
  if (word.kind === 'stream') return step.terminal ? undefined : 'is no terminal stage, but answered with a stream'
  if (word.kind === 'reply') return undefined
  return step.terminal ? 'is the terminal stage, but proceeded' : invalidSlots(step, word.values)
}

function invalidSlots({ provides }: Step, values: Partial<Slots> | undefined): string | undefined {
  for (const slot of provides) {
    if (values?.[slot] === undefined) return `promised the slot ${slot}, but did not give it`
  }
  if (values && Object.keys(values).length !== provides.length) return 'gave a slot that it does not provide'
  return undefined
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'object' ? 'an object' : String(value)
}
