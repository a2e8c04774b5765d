import process from 'node:process'
import { clearInterval, setInterval } from 'node:timers'

const LOOK_MS = 250

/**
 * `kill` of `npm start` ends npm and the shell that it started; the shell tells nobody, and the bridge would stay behind with its ports. Only
 * here: who puts `bascule start &` into a script of his own means it to stay.
 */
export function endWithNpm(): void {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const looking = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(looking)
    process.kill(process.pid, 'SIGTERM')
  }, LOOK_MS)
  looking.unref()
}
