import type { Mapping } from './build-value.ts'
import { resolvePlain } from './substitute.ts'

/** One word, or several with one blank between: nothing in it is YAML's own, no variable, and no colon before a blank or the end. */
const word = '[A-Za-z0-9_./~+](?:[A-Za-z0-9_./~+{}*@%=?-]|:(?! |\\r?$))*'
const words = `${word}(?: ${word})*`
const item = '[A-Za-z0-9_./-]+'
const line = new RegExp(`^( *)(- )?([a-z][a-z0-9_]*): (?:(${words})|\\[(${item}(?:, ${item})*)\\])\\r?$`)
const empty = /^ *(?:#.*)?\r?$/

/**
 * What an entry of a list means if it is a flat map with one plain value a line, which is what most are and what generators write:
 * thirty times as fast as the parser, so that ten thousand routes hold nobody up. Undefined: more than that stands there, and the
 * parser is to say what. `text`: whole lines, the first beginning with the `-` at column `indent`.
 */
export function readPlainEntry(text: string, indent: number): Mapping | undefined {
  const made: Mapping = Object.create(null)
  for (let at = 0, first = true; at < text.length; first = false) {
    const end = text.indexOf('\n', at)
    const one = text.slice(at, end < 0 ? undefined : end)
    at = end < 0 ? text.length : end + 1
    const [, blanks, dash, key, plain, list] = line.exec(one) ?? []
    if (key === undefined) {
      if (first || !empty.test(one)) return undefined
      continue
    }
    const column = blanks!.length + (dash === undefined ? 0 : 2)
    if (column !== indent + 2 || first !== (dash !== undefined) || Object.hasOwn(made, key)) return undefined
    if (plain?.startsWith('file:')) return undefined
    made[key] = plain === undefined ? list!.split(', ').map(resolvePlain) : resolvePlain(plain)
  }
  return made
}
