import { createLog, type HostLog } from '../log/log.ts'

/** One line of the log as JSON has it; `level` 20 debug, 30 info, 40 warn, 50 error. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: number }

/** Every line that was logged, whatever its level, and a way to wait for one. */
export class CapturedLog {
  readonly lines: LogLine[] = []
  readonly log: HostLog
  readonly #waiting = new Set<() => void>()

  constructor() {
    this.log = createLog({ level: 'debug', format: 'json' }, this)
    // A test reads lines as data: what settings.yaml says of level and format is another test's matter.
    this.log.configure = () => {}
  }

  write(text: string): void {
    for (const line of text.split('\n')) if (line) this.lines.push(JSON.parse(line) as LogLine)
    for (const look of this.#waiting) look()
  }

  /** The first line, from the `from`th on, that fits; waits for it. */
  line(fits: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
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
