import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

const LOOK_MS = 400
const ABSENT = 'absent'

/**
 * Calls `changed` when the content of one of `files()` differs from before and has stopped changing: a file that is still being written
 * looks different at every look. Read again and again instead of watched: a watch is held by the directory's inode and sees nothing more
 * once a deployment has replaced the directory, as it sees nothing on some network and container mounts.
 */
export function watchFiles(files: () => readonly string[], changed: () => void, every = LOOK_MS): () => void {
  const told = new Map(files().map((file) => [file, digestNow(file)]))
  let seen = new Map(told)
  let stopped = false
  let timer = setTimeout(look, every).unref()

  async function look(): Promise<void> {
    const now = new Map<string, string>()
    for (const file of files()) now.set(file, await digest(file))
    if (stopped) return
    if (act(now)) changed()
    seen = now
    timer = setTimeout(look, every).unref()
  }

  /** Whether something differs from what was acted on, and nothing does from the last look. */
  function act(now: ReadonlyMap<string, string>): boolean {
    let differs = false
    for (const [file, digest] of now) {
      if (!told.has(file)) told.set(file, digest) // a profile that the last reload brought in
      if (seen.has(file) && seen.get(file) !== digest) return false
      differs ||= told.get(file) !== digest
    }
    if (differs) for (const [file, digest] of now) told.set(file, digest)
    return differs
  }

  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

async function digest(file: string): Promise<string> {
  try {
    return hash(await readFile(file))
  } catch {
    return ABSENT
  }
}

/** Nothing may be missed between the load and the first look. */
function digestNow(file: string): string {
  try {
    return hash(readFileSync(file))
  } catch {
    return ABSENT
  }
}

function hash(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64')
}
