import { Buffer } from 'node:buffer'
import { clearTimeout, setTimeout } from 'node:timers'
import sonicBoom from 'sonic-boom'

/** Where finished lines go. */
export interface LogTarget {
  write(text: string): unknown
  /** Resolves when what was written is out, or cannot be got out in time. */
  flush?(): Promise<void>
}

const FLUSH_MS = 1_000
/** A write is a system call, and wakes a thread: at thousands of lines a second it is worth more than these milliseconds. */
const GATHER_MS = 5
const GATHER_CHARS = 32 * 1024
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
  /** Bytes that sonic-boom has, and the system has not. Its own `flush` answers at once where it keeps no minimum back. */
  let owed = 0
  stream.on('error', () => {
    broken = true
  })
  stream.on('write', (bytes: number) => {
    owed -= bytes
  })
  stream.on('drop', (dropped: string | Uint8Array) => {
    owed -= dropped.length
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Many lines at once: sonic-boom measures what it holds anew with every line. */
  function handOver(): void {
    clearTimeout(timer)
    timer = undefined
    if (waiting !== '' && !broken) {
      const lines = Buffer.from(waiting)
      owed += lines.length
      stream.write(lines as unknown as string)
    }
    waiting = ''
  }

  return {
    write(text) {
      if (broken) return
      waiting += text
      timer ??= setTimeout(handOver, GATHER_MS)
      if (waiting.length > GATHER_CHARS) handOver()
    },
    flush: () =>
      new Promise((resolve) => {
        const latest = setTimeout(done, FLUSH_MS)
        function done(): void {
          clearTimeout(latest)
          stream.off('error', done).off('drain', look)
          resolve()
        }
        function look(): void {
          if (broken || owed <= 0) done()
        }
        handOver()
        stream.on('error', done).on('drain', look)
        look()
      }),
  }
}
