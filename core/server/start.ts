import process from 'node:process'
import { BasculeServer, type ServerOptions } from './server.ts'
import { startWatchdog } from './watchdog.ts'

export interface Started {
  /** The origin users see. */
  readonly url: string
  readonly server: BasculeServer
  /** Resolves with the exit code once everything is closed. */
  readonly closed: Promise<number>
}

/** Starts a bridge that obeys signals: SIGHUP reloads, SIGTERM and SIGINT drain, a second one ends at once. */
export async function startFromDirectory(options: ServerOptions): Promise<Started> {
  const server = await BasculeServer.start({ watch: true, ...options })
  const stopWatchdog = startWatchdog()
  const url = server.config.server.public_url
  let stopping = false
  const closed = new Promise<number>((resolve) => {
    const stop = (signal: string) => {
      if (stopping) process.exit(1)
      stopping = true
      server.log.info({ signal }, 'draining')
      void server
        .stop()
        .then(stopWatchdog)
        .then(() => resolve(0))
    }
    process.on('SIGTERM', () => stop('SIGTERM'))
    process.on('SIGINT', () => stop('SIGINT'))
  })
  process.on('SIGHUP', () => void server.reload())
  process.on('unhandledRejection', (error) => server.log.error({ err: error }, 'unhandled_rejection'))
  server.log.announce({ url, admin: server.adminUrl, listening: server.url }, `bascule ready ${url}`)
  return { url, server, closed }
}
