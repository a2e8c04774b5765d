// The fenced blocks of a page: so that a page's tests run what the page says, and nothing else.
import { readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export interface Block {
  readonly language: string
  /** What stands behind the language: `title=config/x.ts`, `append=config/x.yaml`, `log`. */
  readonly info: string
  readonly text: string
}

/** A config directory elsewhere, as in the clone, where config/ stands beside node_modules/. */
export function linkPackages(dir: string): void {
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
}

export function readPage(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\w+)(?: ([^\n]*))?\n([\s\S]*?)^```$/gm)].map(([, language, info, text]) => ({
    language: language!,
    info: info ?? '',
    text: text!,
  }))
}

/** The cells of every row of the tables under a heading; heads and rulers left out. */
export function rowsOf(page: string, heading: string): string[][] {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`the page has no heading "${heading}"`)
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  const ruler = (line: string | undefined) => line !== undefined && /^\|[\s|:-]+\|$/.test(line)
  return lines
    .filter((line, i) => !ruler(line) && !ruler(lines[i + 1]))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    )
}
