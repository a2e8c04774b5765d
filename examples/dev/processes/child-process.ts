import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type ChildSays, signal } from './child.ts'

interface ChildOptions {
  /** For people: `dev IdP`. */
  readonly name: string
  readonly script: URL
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Every other line it prints. */
  line(text: string): void
}

export interface Child {
  readonly name: string
  /** What it serves. Rejects with a ChildFailure. */
  readonly ready: Promise<readonly string[]>
  /** However it went. */
  readonly exited: Promise<void>
  stop(): Promise<void>
}

export class ChildFailure extends Error {
  override readonly name = 'ChildFailure'
  /** The port that is taken, if that is why. */
  readonly takenPort: number | undefined

  constructor(message: string, takenPort?: number) {
    super(message)
    this.takenPort = takenPort
  }
}

/** Milliseconds that a child has to end by itself. */
const patience = 3000

export function startChild(options: ChildOptions): Child {
  const [command, args] = commandFor(options.script)
  const child = spawn(command, [...args, '--child', ...options.args], {
    env: options.env,
    // stdin is the child's hold on us: see endWithParent.
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // Writing nothing, but a child that dies first would raise EPIPE on it.
  child.stdin.on('error', () => undefined)
  const exited = Promise.race([once(child, 'exit'), once(child, 'error')]).then(
    () => undefined,
    () => undefined,
  )
  const said = new Promise<ChildSays>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (text.startsWith(signal)) resolve(JSON.parse(text.slice(signal.length)) as ChildSays)
      else options.line(text)
    })
    createInterface({ input: child.stderr }).on('line', (text) => options.line(text))
    exited.then(() => resolve({ kind: 'failed', code: 'EXITED', message: 'it ended before it was ready' }))
  })
  return {
    name: options.name,
    ready: said.then((message) => urlsOf(options.name, message)),
    exited,
    stop: async () => {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), patience)
      await exited
      clearTimeout(timer)
    },
  }
}

/** The runtime we run on, with what lets it read TypeScript. */
function commandFor(script: URL): readonly [command: string, args: readonly string[]] {
  const path = fileURLToPath(script)
  if (process.versions.deno !== undefined) return [process.execPath, ['run', '-A', '--quiet', path]]
  return [process.execPath, [`--import=${import.meta.resolve('tsx')}`, path]]
}

function urlsOf(name: string, message: ChildSays): readonly string[] {
  if (message.kind === 'ready') return message.urls
  if (message.code === 'EADDRINUSE' && message.port !== undefined)
    throw new ChildFailure(`port ${message.port} is taken`, message.port)
  throw new ChildFailure(`the ${name} cannot start: ${message.message}`)
}
