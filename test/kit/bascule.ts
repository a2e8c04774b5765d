import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type LogLine, type RunningBascule, type StartInput, startBascule as start } from '../../core/testing/index.ts'

export type { LogLine, RunningBascule }

export interface TestLike {
  teardown(fn: () => unknown): unknown
}

/** Writes files (path → text) into a fresh directory, removed when the test ends. */
export function tempDir(t: TestLike, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  writeAll(dir, files)
  return dir
}

function writeAll(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
}

/** A bridge in this process on free ports, from config files given as text; stopped when the test ends. */
export async function startBascule(
  t: TestLike,
  files: Readonly<Record<string, string>>,
  options: Omit<StartInput, 'files' | 'dir'> = {},
): Promise<RunningBascule> {
  const running = await start({ ...options, files })
  t.teardown(() => running.stop())
  return running
}

export { freePort } from './free-port.ts'
