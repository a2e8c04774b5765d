import { isAbsolute, resolve } from 'node:path'
import { readTextFile } from './text-file.ts'

/** A key, a secret, a certificate. */
const MAX_MIB = 1

export type Env = Readonly<Record<string, string | undefined>>

/** `text`: what stands there now; `from`: the pieces of it that came from outside and may be secrets. */
type Substituted =
  | { readonly text: string; readonly from: readonly string[]; readonly file?: string }
  | { readonly problems: readonly string[] }

const reference = /\$(\$?)\{([^}]*)(\}?)/g
const inner = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/

/** `${VAR}`, `${VAR:-default}` (unset or empty, as in a shell), `$${` for a literal `${`. What is put in is not looked at again. */
export function substituteEnv(source: string, env: Env): Substituted {
  const problems: string[] = []
  const from: string[] = []
  const text = source.replace(reference, (whole, escaped: string, body: string, close: string) => {
    if (escaped !== '') return whole.slice(1)
    const match = close === '' ? null : inner.exec(body)
    if (match === null || body.includes('${')) {
      problems.push(`\${…} is not understood; write \${NAME} or \${NAME:-default}, and $\${ for a literal \${`)
      return ''
    }
    return lookUp(match[1]!, match[2], env, problems, from)
  })
  return problems.length > 0 ? { problems } : { text, from }
}

function lookUp(name: string, preset: string | undefined, env: Env, problems: string[], from: string[]): string {
  const value = Object.hasOwn(env, name) ? env[name] : undefined
  if (value === undefined || (value === '' && preset !== undefined)) {
    if (preset !== undefined) return preset
    problems.push(`the environment variable ${name} is not set; set it, or give a default: \${${name}:-…}`)
    return ''
  }
  from.push(value)
  return value
}

/** The content of a `file:PATH`, without its last newline. PATH may hold `${…}` and is relative to the config directory. */
export function substituteFile(source: string, env: Env, dir: string): Substituted {
  const path = substituteEnv(source.slice('file:'.length).trim(), env)
  if ('problems' in path) return path
  // The written path, not the replaced one: a variable's value is not shown.
  const shown = source.slice('file:'.length).trim()
  if (path.text === '') return { problems: ['file: needs a path, as in file:secrets/client_secret'] }
  const file = resolve(dir, path.text)
  const read = readTextFile(file, MAX_MIB)
  const base = isAbsolute(path.text) ? '' : ' (seen from the config directory)'
  if ('why' in read) return { problems: [`the file ${shown}${base} ${read.why}`] }
  const text = read.text.replace(/\r?\n$/, '')
  if (text === '') return { problems: [`the file ${shown} is empty`] }
  return { text, from: [text], file }
}

/** What a plain (unquoted) scalar means in the YAML 1.2 core schema (§10.3.2): so `port: ${PORT:-8080}` is a number. */
export function resolvePlain(text: string): unknown {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null
  if (/^(?:true|True|TRUE)$/.test(text)) return true
  if (/^(?:false|False|FALSE)$/.test(text)) return false
  if (/^0o[0-7]+$/.test(text) || /^0x[0-9a-fA-F]+$/.test(text)) return Number(text)
  if (/^[-+]?[0-9]+$/.test(text)) return Number(text)
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return Number(text)
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return Number.NaN
  return text
}
