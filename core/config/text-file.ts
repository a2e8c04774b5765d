import { readFileSync, statSync } from 'node:fs'

const limit = 1024 * 1024

/** The text of a small regular file, or why there is none: a sentence's second half, with no content in it. */
export function readTextFile(file: string): { readonly text: string } | { readonly why: string } {
  try {
    const info = statSync(file)
    // A pipe or a device would block the start for ever, or never end.
    if (!info.isFile()) return { why: 'is not a regular file' }
    if (info.size > limit) return { why: 'is larger than 1 MiB' }
    return decode(readFileSync(file))
  } catch (error) {
    return { why: reasons[codeOf(error)] ?? `cannot be read (${codeOf(error)})` }
  }
}

function decode(bytes: Uint8Array): { readonly text: string } | { readonly why: string } {
  if (bytes.length > limit) return { why: 'is larger than 1 MiB' }
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
