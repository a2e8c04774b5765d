import type { Log } from '../contract.ts'

const PER_SECOND = 10_000

/** A plugin's log, bounded: one that floods loses its own lines, and is told of once a second. Finished access lines are not counted. */
export function limitedLog(log: Log, plugin: string, onDrop = () => {}, now: () => number = Date.now): Log {
  let second = 0
  let written = 0
  let dropped = 0
  const may = (): boolean => {
    const current = Math.floor(now() / 1_000)
    if (current !== second) {
      if (dropped > 0) log.warn({ plugin, dropped }, 'log_flood: lines of this plugin were dropped')
      second = current
      written = 0
      dropped = 0
    }
    if (++written <= PER_SECOND) return true
    dropped++
    onDrop()
    return false
  }
  return {
    debug: (fields, msg) => void (may() && log.debug(fields, msg)),
    info: (fields, msg) => void (may() && log.info(fields, msg)),
    warn: (fields, msg) => void (may() && log.warn(fields, msg)),
    error: (fields, msg) => void (may() && log.error(fields, msg)),
    line: (text) => log.line(text),
  }
}
