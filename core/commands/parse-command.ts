import { parseArgs } from 'node:util'
import { didYouMean } from '../config/suggest.ts'
import { type Args, type Command, type Option, UsageError } from './command.ts'

/** Every command has these. */
export const commonOptions: Readonly<Record<string, Option>> = {
  json: { summary: 'print data as JSON' },
  help: { summary: 'say what the command does' },
}

/** The flags of one command; a UsageError names what is wrong, and the likely word. */
export function parseCommand(command: Command, argv: readonly string[]): Args {
  const options = { ...command.options, ...commonOptions }
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { value }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string' } as const,
    ]),
  )
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...config, help: { type: 'boolean', short: 'h' } },
    strict: false,
    tokens: true,
  })
  const args: Record<string, string | true> = {}
  const words = [...(command.words ?? [])]
  for (const token of tokens) {
    if (token.kind === 'positional') args[nextWord(words, token.value, command)] = token.value
    if (token.kind === 'option') args[token.name] = takeValue(token, options, command)
  }
  if (words[0] !== undefined && args.help === undefined)
    throw new UsageError(`${words[0]} is missing: ${command.usage}`)
  return args
}

function nextWord(words: string[], value: string, { name, words: all }: Command): string {
  const word = words.shift()
  if (word === undefined) {
    throw new UsageError(
      `unexpected "${value}"; bascule ${name} takes ${all ? `${all.join(' ')} and flags` : 'flags only'}`,
    )
  }
  return word
}

interface Given {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function takeValue(given: Given, options: Readonly<Record<string, Option>>, command: Command): string | true {
  const { name, rawName, value, inlineValue } = given
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  if (option === undefined) {
    const guess = didYouMean(name, Object.keys(options))
    throw new UsageError(
      `unknown flag ${rawName}${guess.replaceAll('"', '').replace('mean ', 'mean --')}; bascule ${command.name} --help lists them`,
    )
  }
  if (option.value === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`)
    return true
  }
  // `--port --json`: the next flag is not this one's value; `--port=-x` says it is.
  if (value === undefined || value === '' || (value.startsWith('-') && !inlineValue)) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${option.value}`)
  }
  return value
}
