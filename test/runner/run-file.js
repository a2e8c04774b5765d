import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { root } from './find-tests.js'

const running = new Set()

const deno = join(root, 'node_modules', 'deno', process.platform === 'win32' ? 'deno.exe' : 'deno')

/** Undefined when Deno is there, else why not. Its launcher fetches the program where npm ran no install scripts. */
export function denoMissing() {
  const launcher = join(root, 'node_modules', 'deno', 'bin.cjs')
  if (!existsSync(deno) && existsSync(launcher))
    spawnSync(process.execPath, [launcher, '--version'], { stdio: 'ignore' })
  return existsSync(deno)
    ? undefined
    : `no Deno for ${process.platform}-${process.arch} in node_modules (npm ci brings it)`
}

function commandOf({ runtime, file, members, number }) {
  if (members) return [process.execPath, ['--import=tsx', 'test/runner/several.js', String(number)]]
  if (runtime === 'node') return [process.execPath, ['--import=tsx', file]]
  // The program itself, not its launcher: that one would not pass a signal on.
  return [deno, ['run', '-A', '--quiet', '--no-lock', '--preload', 'test/deno/preload.ts', file]]
}

/** Runs one file as a program that prints TAP. Whatever it started and left behind ends with it. */
export async function runFile(job, { env, timeout }) {
  const [command, args] = commandOf(job)
  const started = performance.now()
  const child = spawn(command, args, {
    cwd: root,
    // tap's own limit, 30 s, knows nothing of a loaded machine. Before ours, because it says what it waited for.
    env: {
      ...env,
      TAP_TIMEOUT: String(Math.max(1, timeout / 1000 - 5)),
      NO_COLOR: '1',
      FORCE_COLOR: '0',
      BASCULE_TEST_RUNTIME: job.runtime,
      ...(job.members ? { BASCULE_TEST_FILES: job.members.map(({ file }) => file).join('\n') } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  running.add(child.pid)
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text))
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(child.pid)
  }, timeout)
  const ended = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', () => killGroup(child.pid))
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)))
  })
  clearTimeout(timer)
  running.delete(child.pid)
  const ms = performance.now() - started
  return { job, ms, output, errors, ...judge(output, timedOut ? `timed out after ${timeout / 1000} s` : ended) }
}

export function stopAll() {
  for (const pid of running) killGroup(pid)
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: everything in the group has ended
  }
}

/** What tap says at the top level, outside of any test. */
const unended = 'every test ended, but the program did not: something was left open'

/**
 * Counts assertions by tap's own closing line. A file is only good if it got that far, ran something and left with 0:
 * what crashed, hung or never asked anything counts as one failure more than the assertions it lost.
 */
export function judge(output, ended) {
  const closing = /^# \{ total: \d+.*\}$/m.exec(output)?.[0]
  const count = (word) => Number(new RegExp(`\\b${word}: (\\d+)`).exec(closing ?? '')?.[1] ?? 0)
  const passed = count('pass')
  const failed = count('fail')
  const skipped = count('skip') + count('todo')
  if (failed === 1 && /^not ok \d+ - timeout!$/m.test(output)) return { passed, failed, skipped, why: unended }
  if (failed > 0) return { passed, failed, skipped, why: ended?.startsWith('timed') ? ended : undefined }
  if (ended !== undefined) return { passed, failed: 1, skipped, why: ended }
  if (passed > 0 || skipped > 0) return { passed, failed, skipped, why: undefined }
  if (/^1\.\.0 # SKIP/im.test(output)) return { passed, failed, skipped: 1, why: undefined }
  return { passed, failed: 1, skipped, why: 'ran nothing' }
}
