import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort } from '../test/kit/free-port.ts'

export type Runtime = 'node' | 'deno'
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Two cores and Linux's taskset: without them rows share cores with what loads them. */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

function command(runtime: Runtime, file: string, args: readonly string[], probed = false): string[] {
  const probe = join(root, 'bench/memory-probe.js')
  if (runtime === 'node') {
    return [process.execPath, ...(probed ? ['--expose-gc', '--import', probe] : []), '--import=tsx', file, ...args]
  }
  const flags = ['-A', '--quiet', '--no-lock', ...(probed ? ['--v8-flags=--expose-gc', '--preload', probe] : [])]
  return [join(root, 'node_modules', 'deno', 'deno'), 'run', ...flags, file, ...args]
}

export interface Started {
  readonly child: ChildProcess
  readonly port: number
}

/** A program that listens on `port` in the end; what it logs goes to `logFile`, as it would in production. */
export async function startServer(options: {
  readonly runtime: Runtime
  readonly core: 0 | 1
  readonly file: string
  readonly args: (port: number) => readonly string[]
  readonly logFile: string
  /** For `memoryHeld`. */
  readonly probed?: boolean
}): Promise<Started> {
  const port = await freePort()
  const [program = '', ...args] = pin(
    options.core,
    command(options.runtime, join(root, options.file), options.args(port), options.probed),
  )
  const log = openSync(options.logFile, 'a')
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', log, log, ...(options.probed ? (['ipc'] as const) : [])],
  })
  closeSync(log)
  process.once('exit', () => child.kill('SIGKILL'))
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${options.file} ended with ${code}:\n${readFileSync(options.logFile, 'utf8').slice(-2000)}`)
  })
  ended.catch(() => {})
  await Promise.race([answers(port), ended])
  return { child, port }
}

/** A program on core 1 that answers each line of JSON with one of its own. */
export class Worker<Order, Result> {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(file: string) {
    const [program = '', ...rest] = pin(1, command('node', join(root, file), []))
    this.#child = spawn(program, rest, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
    process.once('exit', () => this.#child.kill('SIGKILL'))
  }

  async ask(order: Order): Promise<Result> {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the load generator ended; what it said is above')
    return JSON.parse(value) as Result
  }
}

function pin(core: 0 | 1, line: string[]): string[] {
  return pinned ? ['taskset', '-c', String(core), ...line] : line
}

/** CPU time of all threads of a process so far, in µs; undefined where there is no /proc. The scheduler's own count: ns, not ticks. */
export function cpuMicroseconds(pid: number | undefined): number | undefined {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`)
    const nanoseconds = tasks.map((task) =>
      Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
    )
    return nanoseconds.reduce((sum, ns) => sum + ns, 0) / 1000
  } catch {
    return undefined
  }
}

async function answers(port: number): Promise<void> {
  for (const until = Date.now() + 30_000; Date.now() < until; ) {
    const socket = connect({ port, host: '127.0.0.1' })
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing listens on port ${port} after 30 s`)
}

export interface MemoryHeld {
  /** MiB of the heap that something still points to, and of buffers outside of it. */
  readonly held: number
  /** MiB of the whole process. */
  readonly rss: number
}

/** Of a program that was started `probed`, after a full collection: the same on an idle machine and on a busy one. */
export async function memoryHeld(child: ChildProcess): Promise<MemoryHeld> {
  const answer = once(child, 'message') as Promise<[MemoryHeld]>
  child.send({})
  return (await answer)[0]
}

/** NaN where there is no /proc. */
export function residentMiB(pid: number | undefined): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return Number.NaN
  }
}
