import process from 'node:process'
import type { Profile } from '../compile/profile.ts'
import type { Plugin } from '../contract.ts'
import type { StrayKind } from '../metrics/core-metrics.ts'
import { foreignPlugins } from '../plugin-loading/plugin-files.ts'
import type { BasculeServer } from './server.ts'
import { type StrayFault, strayFault } from './stray-fault.ts'

interface StrayWatch {
  /** From here on faults are told in this server's log, and counted. */
  attend(server: BasculeServer): void
}

/**
 * Errors that nobody caught, of a whole process: for a program of its own only. A rejected promise hurts nobody else, and the bridge goes
 * on; after an exception nobody knows what was left half-done, and it drains: `end` is called, once.
 */
export function watchStrayFaults(end: () => void): StrayWatch {
  let server: BasculeServer | undefined
  const told = new Set<string>()

  function tell(kind: StrayKind, error: unknown): void {
    const stray = strayFault(error)
    if (!server) return tellOfStart(kind, stray, error)
    server.metrics.strayed(stray.by?.use ?? '', kind)
    if (kind === 'rejection') return logRejection(server, stray, error)
    // An interval that throws does so through the whole drain.
    const place = stray.at ?? ''
    if (!told.has(place)) logException(server, stray, error)
    told.add(place)
    end()
  }

  process.on('unhandledRejection', (error) => tell('rejection', error))
  process.on('uncaughtException', (error) => tell('exception', error))
  return {
    attend(started) {
      server = started
    },
  }
}

/** Before there is a log. */
function tellOfStart(kind: StrayKind, stray: StrayFault, error: unknown): void {
  const how = kind === 'rejection' ? 'left a rejected promise to nobody' : 'threw outside of any call'
  const place = stray.at === undefined ? '' : ` at ${stray.at}`
  process.stderr.write(`bascule: ${nameOf(stray)} ${how}${place}: ${messageOf(error)}\n`)
  if (kind === 'exception') process.exit(1)
}

function logRejection(server: BasculeServer, stray: StrayFault, error: unknown): void {
  const fields = { ...fieldsOf(server, stray), err: readable(error) }
  server.log.error(
    fields,
    `unhandled_rejection: ${nameOf(stray)} left a rejected promise to nobody; the bridge goes on`,
  )
}

function logException(server: BasculeServer, stray: StrayFault, error: unknown): void {
  const fields = { ...fieldsOf(server, stray), err: readable(error) }
  server.log.fatal(
    fields,
    `uncaught_exception: ${nameOf(stray)} threw outside of any call, in a timer or an event; the bridge drains and ends`,
  )
}

function nameOf({ by }: StrayFault): string {
  return by ? `plugin ${by.use}` : 'something'
}

function fieldsOf(server: BasculeServer, { by, at }: StrayFault): object {
  // Where the stack leads to no plugin, as that of a refused connection, it still was one of these.
  if (!by) return { at, plugins: foreignPlugins() }
  return { plugin: by.use, stage: stagesOf(server.config.profiles, by.plugin), at }
}

/** As the profiles list it. */
function stagesOf(profiles: readonly Profile[], plugin: Plugin): string {
  const names = profiles.flatMap(({ stages, endpoints, adminEndpoints }) => [
    ...stages.filter(({ stage }) => stage === plugin).map(({ name }) => name),
    ...[...endpoints, ...adminEndpoints].filter(({ by }) => by.endpoint === plugin).map(({ by }) => by.name),
  ])
  return names.length === 0 ? plugin.name : [...new Set(names)].join(', ')
}

/** An error whose own properties throw would end the process before it is told of. */
function readable(error: unknown): unknown {
  try {
    if (!(error instanceof Error)) return error
    void [error.name, error.message, error.stack, error.cause, (error as { code?: unknown }).code]
    return error
  } catch {
    return 'an error that cannot be read'
  }
}

function messageOf(error: unknown): string {
  const shown = readable(error)
  return shown instanceof Error ? shown.message : typeof shown === 'string' ? shown : typeof shown
}
