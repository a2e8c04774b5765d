import { existsSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { ConfigError, formatProblem } from '../../core/config/report.ts'
import { StartError } from '../../core/server/server.ts'
import { type Started, startFromDirectory } from '../../core/server/start.ts'
import { type Child, ChildFailure, startChild } from './processes/child-process.ts'
import { endWithNpm } from './processes/end-with-npm.ts'
import { choosePorts, type DevPorts, takenMessage } from './processes/ports.ts'
import { welcome } from './welcome.ts'

export interface DevOptions extends Partial<DevPorts> {
  /** The config directory; its `idp/` is the dev IdP's. */
  readonly config?: string | undefined
  /** One JSON line instead of the text for people. */
  readonly json?: boolean
}

/** What `npm start` runs: the bridge here, the dev IdP and the samples beside it. Settles with the exit code. */
export async function runDev(options: DevOptions): Promise<number> {
  endWithNpm()
  const ports = await choosePorts(options)
  const dir = configDir(options.config)
  const env = environment(ports)
  const children = startChildren(dir, ports, env)
  let bridge: Started | undefined
  try {
    await Promise.all(children.map((child) => child.ready))
    bridge = await startFromDirectory({ dir, env, port: ports.port, adminPort: ports.adminPort })
    const { url, closed, server } = bridge
    await server.log.flush() // "bascule ready" first, then what to do next
    console.log(options.json ? JSON.stringify({ msg: `bascule dev ready ${url}`, url, ports }) : welcome(url, dir))
    const ended = await Promise.race([closed, firstToEnd(children)])
    if (typeof ended === 'number') return ended
    console.error(`the ${ended.name} ended unexpectedly; everything is stopped`)
    return 1
  } catch (error) {
    return explain(error, ports)
  } finally {
    await bridge?.server.stop()
    await Promise.all(children.map((child) => child.stop()))
  }
}

/** Called from elsewhere, it still has its own example to run. */
function configDir(said: string | undefined): string {
  if (said !== undefined) return said
  if (process.env.BASCULE_CONFIG) return process.env.BASCULE_CONFIG
  return existsSync('config') ? 'config' : fileURLToPath(new URL('../../config', import.meta.url))
}

/** What config/ asks for by `${NAME:-…}`; what the user has set stays. */
function environment(ports: DevPorts): NodeJS.ProcessEnv {
  return {
    BASCULE_PUBLIC_URL: `http://localhost:${ports.port}`,
    BASCULE_ISSUER: `http://localhost:${ports.idpPort}`,
    ANALYTICS_URL: `http://localhost:${ports.analyticsPort}`,
    CRUD_URL: `http://localhost:${ports.crudPort}`,
    SPA_URL: `http://localhost:${ports.spaPort}`,
    ...(process.stdout.isTTY ? { BASCULE_LOG_FORMAT: 'text' } : {}),
    ...process.env,
  }
}

function startChildren(config: string, ports: DevPorts, env: NodeJS.ProcessEnv): readonly Child[] {
  const script = (name: string) => new URL(name, import.meta.url)
  const origin = new URL(env.BASCULE_PUBLIC_URL ?? '').origin
  const say = (name: string) => (text: string) => console.error(`${name} | ${text}`)
  return [
    startChild({
      ...{ name: 'dev IdP', script: script('idp.ts'), env, line: say('idp') },
      args: [`--port=${ports.idpPort}`, `--dir=${config}/idp`, `--origin=${origin}`],
    }),
    startChild({
      ...{ name: 'sample services', script: script('backends.ts'), env, line: say('services') },
      args: [
        `--issuer=http://localhost:${ports.idpPort}`,
        `--analytics-port=${ports.analyticsPort}`,
        `--crud-port=${ports.crudPort}`,
        `--spa-port=${ports.spaPort}`,
      ],
    }),
  ]
}

function firstToEnd(children: readonly Child[]): Promise<Child> {
  return Promise.race(children.map((child) => child.exited.then(() => child)))
}

function explain(error: unknown, ports: DevPorts): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) console.error(formatProblem(problem))
    return 2
  }
  if (error instanceof ChildFailure && error.takenPort !== undefined)
    console.error(takenMessage(error.takenPort, ports))
  else if (error instanceof StartError || error instanceof ChildFailure) console.error(error.message)
  else throw error
  return 1
}
