import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { DevPorts } from '../../examples/dev/processes/ports.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface DevStack {
  readonly url: string
  readonly ports: DevPorts
  readonly process: ChildProcess
  /** All that was printed so far: stdout and stderr. */
  readonly output: readonly string[]
  /** The first line, old or new, that contains this text. */
  line(text: string): Promise<string>
}

/** What `npm start` runs, on free ports; stopped with the test. */
export async function startDevStack(t: Test, args: readonly string[] = []): Promise<DevStack> {
  const ports = ['', 'admin-', 'idp-', 'analytics-', 'crud-', 'spa-'].map((name) => `--${name}port=0`)
  const { child, output, line } = runDev(t, [...ports, '--json', ...args])
  const ready = JSON.parse(await line('bascule dev ready')) as { readonly url: string; readonly ports: DevPorts }
  return { ...ready, process: child, output, line }
}

/** The program itself, for starts that fail. */
export function runDev(t: Test, args: readonly string[]) {
  const [command, first] =
    process.versions.deno === undefined
      ? [process.execPath, ['core/bin/bascule.js']]
      : [process.execPath, ['run', '-A', '--quiet', '--no-lock', 'core/cli.ts']]
  const child = spawn(command, [...first, 'dev', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: string[] = []
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (text) => {
      output.push(text)
      for (const look of waiting) look()
    })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  t.teardown(() => {
    child.kill('SIGTERM')
    return ended
  })
  return { child, output, ended, line: (text: string) => findLine(text, output, waiting, ended) }
}

function findLine(text: string, output: readonly string[], waiting: Set<() => void>, ended: Promise<unknown>) {
  return new Promise<string>((resolve, reject) => {
    const look = () => {
      const found = output.find((line) => line.includes(text))
      if (found === undefined) return
      waiting.delete(look)
      resolve(found)
    }
    waiting.add(look)
    ended.then(() => reject(new Error(`it ended without saying "${text}":\n${output.join('\n')}`)))
    look()
  })
}
