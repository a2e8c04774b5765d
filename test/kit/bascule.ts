import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { createLog } from '../../core/log.ts'
import { BasculeServer } from '../../core/server.ts'

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: number }

export interface RunningBascule {
  readonly url: string
  readonly adminUrl: string
  /** The config directory; write into it and call `server.reload()`. */
  readonly dir: string
  readonly server: BasculeServer
  /** Every log line so far. */
  readonly lines: readonly LogLine[]
  /** The first line, from `from` on, that fits; waits for it. */
  line(fits: (line: LogLine) => boolean, from?: number): Promise<LogLine>
  write(files: Readonly<Record<string, string>>): void
  stop(): Promise<void>
}

export interface TestLike {
  teardown(fn: () => unknown): unknown
}

/** Writes files (path → text) into a fresh directory, removed when the test ends. */
export function tempDir(t: TestLike, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  writeAll(dir, files)
  return dir
}

function writeAll(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
}

/** A bridge in this process on free ports, from config files given as text; stopped when the test ends. */
export async function startBascule(
  t: TestLike,
  files: Readonly<Record<string, string>>,
  {
    env = process.env,
    port = 0,
    watch = false,
  }: { env?: Readonly<Record<string, string | undefined>>; port?: number; watch?: boolean } = {},
): Promise<RunningBascule> {
  const dir = tempDir(t, files)
  const capture = new Capture()
  const log = createLog({ level: 'debug', format: 'json' }, capture)
  const server = await BasculeServer.start({ dir, env, port, adminPort: 0, log, watch })
  t.teardown(() => server.stop())
  return {
    url: server.url,
    adminUrl: server.adminUrl,
    dir,
    server,
    lines: capture.lines,
    line: (fits, from = 0) => capture.first(fits, from),
    write: (more) => writeAll(dir, more),
    stop: () => server.stop(),
  }
}

/** A free port of loopback; for a bridge whose public_url must be known before it starts. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

class Capture {
  readonly lines: LogLine[] = []
  readonly #waiting = new Set<() => void>()

  write(text: string): void {
    for (const line of text.split('\n')) if (line) this.lines.push(JSON.parse(line) as LogLine)
    for (const wake of this.#waiting) wake()
  }

  first(fits: (line: LogLine) => boolean, from: number): Promise<LogLine> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.lines.slice(from).find(fits)
        if (!found) return
        this.#waiting.delete(look)
        resolve(found)
      }
      this.#waiting.add(look)
      look()
    })
  }
}
