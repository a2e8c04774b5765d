import { Buffer } from 'node:buffer'

/** What is no visible ASCII, and what an edge that splits at `,` or decodes `%` would read in another way. */
const unsafe = /[^\x21-\x7e]|[%,;"\\<>]/gu

/** Percent-encoded where a header field could not carry it, or two readers could see two users. */
export function escapedWord(text: string): string {
  return text.replaceAll(unsafe, percentEncoded)
}

/** As one part of a word whose parts are separated by `:`. */
export function escapedPart(text: string): string {
  return escapedWord(text).replaceAll(':', percentEncoded)
}

function percentEncoded(char: string): string {
  return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
