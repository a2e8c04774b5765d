import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { runCommand } from './run-command.ts'

const config = fileURLToPath(new URL('../../config', import.meta.url))

interface ToldFinding {
  readonly severity: 'fault' | 'advice'
  readonly code: string
  readonly subject?: string
  readonly where?: string
  readonly message: string
  readonly file?: string
  readonly line?: number
  readonly column?: number
  readonly change?: { readonly edit: 'replace' | 'add'; readonly text: string }
  readonly tell?: string
}
export interface Told {
  readonly ok: boolean
  readonly rows: readonly { readonly subject: string; readonly state: Readonly<Record<string, string>> }[]
  readonly findings: readonly ToldFinding[]
  readonly problems?: readonly { readonly file: string; readonly line: number; readonly message: string }[]
}

/** A copy of the default config and its identity provider's files, to be spoilt. */
export function clinic(t: Test): Clinic {
  const dir = mkdtempSync(join(tmpdir(), 'doctor-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  cpSync(config, dir, { recursive: true })
  return new Clinic(dir)
}

export class Clinic {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  file(name: string): string {
    return join(this.dir, name)
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8')
  }

  write(name: string, text: string): void {
    writeFileSync(this.file(name), text)
  }

  /** Throws where the text is not there: an injection that injects nothing proves nothing. Answers the line. */
  spoil(name: string, from: string, to: string): number {
    const text = this.read(name)
    const at = text.indexOf(from)
    if (at < 0) throw new Error(`${name} has no ${from}`)
    this.write(name, text.slice(0, at) + to + text.slice(at + from.length))
    return text.slice(0, at).split('\n').length
  }

  async examine(...flags: string[]): Promise<{ readonly code: number; readonly told: Told; readonly err: string }> {
    const { code, out, err } = await this.run('--json', '--idp-config', this.file('idp'), ...flags)
    return { code, told: JSON.parse(out), err }
  }

  async run(...flags: string[]) {
    return runDoctor(['--config', this.dir, ...flags])
  }

  /** Of a finding: below the clinic. */
  nameOf(finding: { readonly file?: string } | undefined): string | undefined {
    return finding?.file === undefined ? undefined : relative(this.dir, finding.file)
  }

  /** Does to the file what the finding says, and nothing else. */
  obey({ file, line = 1, column = 1, change }: ToldFinding): void {
    if (file === undefined || change === undefined) throw new Error('the finding names no change')
    const lines = readFileSync(file, 'utf8').split('\n')
    const here = lines[line - 1] ?? ''
    if (change.edit === 'replace') lines[line - 1] = replaced(here, column - 1, change.text)
    else lines.splice(line, 0, ...indented(change.text, here))
    writeFileSync(file, lines.join('\n'))
  }
}

function replaced(line: string, at: number, text: string): string {
  const value = /^(?:"[^"]*"|'[^']*'|\[[^\]]*\]|[^\s#,\]]*?(?=:(?:\s|$))|[^\s,\]]+)/.exec(line.slice(at))?.[0] ?? ''
  return line.slice(0, at) + text + line.slice(at + value.length)
}

function indented(text: string, below: string): string[] {
  const indent = `${/^[ -]*/.exec(below)?.[0].replace('-', ' ')}  `
  return text.split('\n').map((line) => indent + line)
}

export function runDoctor(argv: readonly string[], env: Record<string, string> = {}) {
  return runCommand(['doctor', ...argv], { env })
}
