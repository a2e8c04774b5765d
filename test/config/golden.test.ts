// Each .txt here: files of a config directory, a line of dashes, and what `bascule check` makes of them. A file that a case does
// not give is taken from base/. UPDATE=1 writes what is the case now; read it before you commit it.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { check } from '../../core/commands/check.ts'

const here = dirname(fileURLToPath(import.meta.url))
const divider = '\n-----\n'

interface Case {
  /** `--- env: NAME=value` */
  readonly env: Record<string, string>
  /** `--- args: plan` or `--- args: profile=NAME` */
  readonly args: Record<string, string | true>
  readonly files: Record<string, string>
}

function parse(input: string): Case {
  const found: Case = { env: {}, args: {}, files: {} }
  let file: string | undefined
  for (const line of input.split('\n')) {
    const [, word, rest = ''] = /^--- (file|env|args): (.*)$/.exec(line) ?? []
    const [name = '', value] = rest.split(/=(.*)/s)
    if (word === 'file') file = rest
    else if (word === 'env') found.env[name] = value ?? ''
    else if (word === 'args') found.args[name] = value ?? true
    else if (file !== undefined) found.files[file] = `${found.files[file] ?? ''}${line}\n`
  }
  return found
}

async function outcomeOf({ env, args, files }: Case, dir: string): Promise<string> {
  cpSync(join(here, 'base'), dir, { recursive: true })
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  let said = ''
  const say = (text: string) => {
    said += text
  }
  const code = await check.run?.({ ...args, config: dir }, { out: say, err: say, env })
  return `exit ${code}\n${said.replaceAll(`${dir}/`, '')}`
}

const only = process.env.CASE
for (const name of readdirSync(here).filter((file) => file.endsWith('.txt') && (!only || file.includes(only)))) {
  const [title, ...rest] = readFileSync(join(here, name), 'utf8').split('\n')
  const [input = '', expected] = rest.join('\n').split(divider)
  t.test(`${name}: ${title}`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'bascule-golden-'))
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    const outcome = await outcomeOf(parse(input), dir)
    if (process.env.UPDATE) writeFileSync(join(here, name), `${title}\n${input}${divider}${outcome}`)
    else t.equal(outcome, expected)
  })
}
