import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { TestLike } from './bascule.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** How a user starts the program on either runtime. */
export const commands: Readonly<Record<'node' | 'deno', readonly [string, ...string[]]>> = {
  node: [process.platform === 'win32' ? 'node.exe' : 'node', join(root, 'core/bin/bascule.js')],
  deno: [join(root, 'node_modules/deno/deno'), 'run', '-A', '--quiet', join(root, 'core/cli.ts')],
}

export interface BridgeProcess {
  readonly child: ChildProcess
  /** Everything it wrote on stdout so far. */
  readonly output: () => string
  /** And on stderr. */
  readonly errors: () => string
  /** The exit code, once it ended. */
  readonly exited: Promise<number | null>
  /** Sends the signal and resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** `bascule start --config DIR` as a process of its own, ready to answer; killed when the test ends. */
export async function startBridgeProcess(
  t: TestLike,
  dir: string,
  runtime: 'node' | 'deno' = 'node',
): Promise<BridgeProcess> {
  const [program, ...args] = commands[runtime]
  const child = spawn(program, [...args, 'start', '--config', dir], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes('bascule ready')) resolve()
    })
    child.on('exit', (code) => reject(new Error(`it ended with ${code} before it was ready:\n${output}${errors}`)))
  })
  // Not 'exit': what it wrote last is still to be read then.
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    output: () => output,
    errors: () => errors,
    exited,
    end(signal) {
      child.kill(signal)
      return exited
    },
  }
}
