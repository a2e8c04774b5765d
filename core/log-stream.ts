import { Buffer } from 'node:buffer'
import { setImmediate } from 'node:timers'
import sonicBoom from 'sonic-boom'

/** Where finished lines go. */
export interface LogTarget {
  write(text: string): unknown
  /** Resolves when what was written is out, or cannot be got out in time. */
  flush?(): Promise<void>
}

const FLUSH_MS = 1_000
/** What is kept for a reader that does not read; beyond it lines are dropped, so that a stuck log collector stops no request. */
const KEPT_BYTES = 16 * 1024 * 1024

/**
 * stdout, never waited for. Its own exit hooks are not used: sonic-boom's flushSync waits for ever on a pipe that nobody reads, and
 * `bascule start | head -1` would then never end.
 */
export function stdoutTarget(): LogTarget {
  const stream = new sonicBoom.SonicBoom({ fd: 1, sync: false, maxLength: KEPT_BYTES, contentMode: 'buffer' })
  let broken = false
  let waiting = ''
  stream.on('error', () => {
    broken = true
  })
  /** All lines of a turn of the event loop at once: sonic-boom measures what it holds anew with every line. */
  function handOver(): void {
    if (waiting !== '' && !broken) stream.write(Buffer.from(waiting) as unknown as string)
    waiting = ''
  }

  return {
    write(text) {
      if (broken) return
      if (waiting === '') setImmediate(handOver)
      waiting += text
    },
    flush: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, FLUSH_MS)
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        handOver()
        if (broken) return done()
        stream.once('error', done)
        stream.flush(done)
      }),
  }
}
