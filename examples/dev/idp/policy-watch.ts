import { type FSWatcher, watch } from 'node:fs'
import type { Problem } from '../../../core/config/report.ts'
import type { Policy } from '../../../plugins/lib/doctor/idp-policy.ts'
import { readPolicy } from './read-policy.ts'

interface PolicyEvents {
  /** A new policy holds from now on. */
  changed(policy: Policy, problems: readonly Problem[]): void
  /** The files cannot be used; the old policy stays. */
  refused(problems: readonly Problem[]): void
}

/** An editor writes a file in several steps. */
const settle = 100

/** Rereads the files when they change, and tells only of real changes. */
export function watchPolicy(
  dir: string,
  env: Readonly<Record<string, string | undefined>>,
  events: PolicyEvents,
): { close(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = fingerprint(readPolicy(dir, env))
  const reread = () => {
    const read = readPolicy(dir, env)
    const now = fingerprint(read)
    if (now === last) return
    last = now
    if (read.policy === undefined) events.refused(read.problems)
    else events.changed(read.policy, read.problems)
  }
  // The directory, not the files: an editor that saves by renaming would leave the watch on the file that is gone.
  const watcher: FSWatcher = watch(dir, () => {
    clearTimeout(timer)
    timer = setTimeout(reread, settle)
  })
  return {
    close: () => {
      clearTimeout(timer)
      watcher.close()
    },
  }
}

function fingerprint({ policy, problems }: ReturnType<typeof readPolicy>): string {
  return JSON.stringify([policy?.mappings, [...(policy?.clients ?? [])], problems])
}
