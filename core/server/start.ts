import process from 'node:process'
import { BasculeServer, type ServerOptions } from './server.ts'
import { watchStrayFaults } from './stray-faults.ts'
import { startWatchdog } from './watchdog.ts'

export interface Started {
  /** The origin users see. */
  readonly url: string
  readonly server: BasculeServer
  /** Resolves with the exit code once everything is closed. */
  readonly closed: Promise<number>
}

/**
 * Starts a bridge that obeys signals: SIGHUP reloads, SIGTERM and SIGINT drain, a second one ends at once. An exception that nobody caught
 * drains as they do, and the exit code is 1.
 */
export async function startFromDirectory(options: ServerOptions): Promise<Started> {
  let failed = (): void => {}
  const strays = watchStrayFaults(() => failed())
  const server = await BasculeServer.start({ watch: true, ...options })
  const stopWatchdog = startWatchdog()
  const url = server.config.server.public_url
  let stopping = false
  let code = 0
  const closed = new Promise<number>((resolve) => {
    const drain = () => {
      stopping = true
      void server
        .stop()
        .then(stopWatchdog)
        .then(() => resolve(code))
    }
    const stop = (signal: string) => {
      if (stopping) process.exit(1)
      server.log.info({ signal }, 'draining')
      drain()
    }
    failed = () => {
      code = 1
      if (!stopping) drain()
    }
    process.on('SIGTERM', () => stop('SIGTERM'))
    process.on('SIGINT', () => stop('SIGINT'))
  })
  strays.attend(server)
  process.on('SIGHUP', () => void server.reload())
  server.log.announce({ url, admin: server.adminUrl, listening: server.url }, `bascule ready ${url}`)
  return { url, server, closed }
}
