import { createLog, type HostLog } from '../log/log.ts'
import { type BasculeConfig, isLogger, type Logger } from './options.ts'

/** Lines on stdout as config says once it is loaded, or the caller's own logger. */
export function embedLog(log: BasculeConfig['log']): HostLog {
  return isLogger(log) ? adapted(log) : createLog({ level: 'info', format: 'json' })
}

/** Its level, format and flushing are the caller's; the access line comes as fields, since a finished line would be in no format of its. */
function adapted(logger: Logger): HostLog {
  return {
    debug: (fields, msg) => logger.debug(fields, msg),
    info: (fields, msg) => logger.info(fields, msg),
    warn: (fields, msg) => logger.warn(fields, msg),
    error: (fields, msg) => logger.error(fields, msg),
    fatal: (fields, msg) => logger.error(fields, msg),
    announce: (fields, msg) => logger.info(fields, msg),
    line: (text) => logger.info({}, text),
    flush: async () => {},
    configure() {},
  }
}
