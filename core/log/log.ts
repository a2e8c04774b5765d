import { pino } from 'pino'
import type { Log, LogSettings } from '../contract.ts'
import { type LogTarget, stdoutTarget } from './log-target.ts'

export interface HostLog extends Log {
  /** An info line that is written at every level: people and scripts wait for `bascule ready`. */
  announce(fields: object, msg: string): void
  /** What ends the process. */
  fatal(fields: object, msg: string): void
  /** Writes out what is buffered; before the process ends. */
  flush(): Promise<void>
  configure(settings: LogSettings): void
}

const words: Readonly<Record<string, number>> = { debug: 20, info: 30, warn: 40, error: 50 }

/** pino's lines on stdout, or text for people; one object a line, `msg` the same in both. */
export function createLog(settings: LogSettings, target: LogTarget = stdoutTarget()): HostLog {
  let { level, format } = settings
  let logger = make()

  function make() {
    const stream = format === 'text' ? { write: (json: string) => target.write(textLine(json)) } : target
    return pino(
      { level, base: null, serializers: { err: plainError, cause: plainError } },
      stream as { write(s: string): void },
    )
  }

  return {
    debug: (fields, msg) => logger.debug(fields, msg),
    info: (fields, msg) => logger.info(fields, msg),
    warn: (fields, msg) => logger.warn(fields, msg),
    error: (fields, msg) => logger.error(fields, msg),
    fatal: (fields, msg) => logger.fatal(fields, msg),
    announce: (fields, msg) => logger.child({}, { level: 'info' }).info(fields, msg),
    line(text) {
      if (words[level]! <= 30) target.write(`${text}\n`)
    },
    async flush() {
      await target.flush?.()
    },
    configure(next) {
      if (next.level === level && next.format === format) return
      level = next.level
      format = next.format
      logger = make()
    },
  }
}

/** Message, code and the chain of causes; a stack only where the error is a defect of ours. */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : typeof error
  const { code } = error as { code?: unknown }
  const shown: Record<string, unknown> = { type: error.name, message: error.message }
  if (code !== undefined) shown.code = code
  if (error.cause instanceof Error) shown.cause = plainError(error.cause) // anything else may be a body with a token in it
  if (code === undefined) shown.stack = error.stack
  return shown
}

const names: Readonly<Record<number, string>> = { 20: 'DEBUG', 30: 'INFO', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' }

function textLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as { level: number; time: number; msg?: string }
  const clock = new Date(time).toISOString().slice(11, 23)
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${plain(value)}`)
  return `${[clock, (names[level] ?? String(level)).padEnd(5), msg ?? '', ...rest].join(' ').trimEnd()}\n`
}

function plain(value: unknown): string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value)
}
