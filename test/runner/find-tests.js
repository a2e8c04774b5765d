import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/**
 * Test files whose path contains one of the patterns (all of them without patterns). A file may say in its first lines
 * `// node only: WHY`, `// alone: WHY` (nothing else runs beside it) or `// timeout: 300s`.
 */
export function findTests(patterns) {
  return readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern.replace(/^\.\//, ''))))
    .sort()
    .map(describe)
}

function describe(file) {
  const text = readFileSync(join(root, file), 'utf8')
  const head = text.split('\n', 6).join('\n')
  const seconds = /^\/\/ timeout: (\d+)s\b/m.exec(head)?.[1]
  return {
    file,
    onDeno: /^test\/(core|plugins|raw|scenarios)\//.test(file) && !/^\/\/ node only: \S/m.test(head),
    alone: /^\/\/ alone: \S/m.test(head),
    browser: /playwright-core|kit\/browser/.test(text),
    timeout: seconds === undefined ? undefined : Number(seconds) * 1000,
  }
}
