import { readFileSync, statSync } from 'node:fs'

const MIB = 1024 * 1024

/** The text of a regular file of up to `most` MiB, or why there is none: a sentence's second half, with no content in it. */
export function readTextFile(file: string, most: number): { readonly text: string } | { readonly why: string } {
  try {
    const info = statSync(file)
    // A pipe or a device would block the start for ever, or never end.
    if (!info.isFile()) return { why: 'is not a regular file' }
    if (info.size > most * MIB) return { why: `is larger than ${most} MiB` }
    return decode(readFileSync(file), most)
  } catch (error) {
    return { why: reasons[codeOf(error)] ?? `cannot be read (${codeOf(error)})` }
  }
}

function decode(bytes: Uint8Array, most: number): { readonly text: string } | { readonly why: string } {
  if (bytes.length > most * MIB) return { why: `is larger than ${most} MiB` }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { why: 'is not UTF-8 text' }
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  ELOOP: 'is a circle of links',
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
