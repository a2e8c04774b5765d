import type { ReplyExtra, Slots, Source } from '../contract.ts'

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
