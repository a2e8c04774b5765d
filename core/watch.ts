import { createHash } from 'node:crypto'
import { readFileSync, watch } from 'node:fs'

const SETTLE_MS = 150

/**
 * Calls `changed` when the content of one of `files()` differs from before. The directory is watched, not the files: editors and
 * config maps replace a file by renaming another over it. Content decides, so touching a file is no change.
 */
export function watchFiles(dir: string, files: () => readonly string[], changed: () => void): () => void {
  let last = digest(files())
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    const now = digest(files())
    if (now === last) return
    last = now
    changed()
  }
  const watcher = watch(dir, { recursive: true, persistent: false }, () => {
    clearTimeout(timer)
    timer = setTimeout(look, SETTLE_MS)
  })
  watcher.on('error', () => {}) // the directory went away: SIGHUP still reloads
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}

function digest(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) {
    hash.update(`${file}\0`)
    try {
      hash.update(readFileSync(file))
    } catch {
      hash.update('\0absent')
    }
  }
  return hash.digest('base64')
}
