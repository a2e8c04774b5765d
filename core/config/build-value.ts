import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml'
import { type Env, resolvePlain, substituteEnv, substituteFile } from './substitute.ts'

/** A map of a config file: no prototype, so only what was written is there. */
export type Mapping = { [key: string]: unknown }

export interface Context {
  readonly env: Env
  readonly dir: string
  /** `path` is what cannot be used because of it. */
  error(offset: number, message: string, path: readonly PropertyKey[]): void
  /** A file whose content stands here. */
  read(file: string): void
  /** Text that no message may show. */
  hide(text: string): void
}

type Path = readonly PropertyKey[]

const mostAliases = 100
const deepest = 100

/** Plain data of a parsed document, variables and secret files put in. Undefined: not a map. */
export function buildValue(document: Document.Parsed, context: Context): Mapping | undefined {
  const root = document.contents
  // An empty file says what an empty map says: nothing.
  if (root === null || (isScalar(root) && root.value === null)) return Object.create(null)
  if (!isMap(root)) {
    context.error(root.range?.[0] ?? 0, 'this file must hold "key: value" lines', [])
    return undefined
  }
  return new Builder(document, context).map(root, [])
}

/** The same of one node, which stands at `path` of the file. */
export function buildPart(document: Document.Parsed, node: Node, path: Path, context: Context): unknown {
  return new Builder(document, context).value(node, path, offsetOf(node))
}

class Builder {
  readonly #document: Document.Parsed
  readonly #context: Context
  readonly #open = new Set<Node>()
  #aliases = 0

  constructor(document: Document.Parsed, context: Context) {
    this.#document = document
    this.#context = context
  }

  map(map: YAMLMap, path: Path): Mapping {
    const made: Mapping = Object.create(null)
    for (const { key, value } of map.items) {
      if (!isScalar(key)) continue
      const name = String(key.value)
      const refusal = refusalOf(name, made)
      if (refusal !== undefined) this.#context.error(offsetOf(key), refusal, [...path, name])
      else made[name] = this.value(value, [...path, name], offsetOf(key))
    }
    return made
  }

  value(node: unknown, path: Path, offset: number): unknown {
    if (isAlias(node)) return this.#alias(node, path)
    if (isScalar(node)) return this.#scalar(node, path)
    if (!isMap(node) && !isSeq(node)) return null
    if (path.length > deepest) return this.#refuse(offset, 'this is nested too deeply', path)
    if (this.#open.has(node)) return this.#refuse(offset, 'this alias stands inside what it names', path)
    this.#open.add(node)
    const made = isMap(node)
      ? this.map(node, path)
      : node.items.map((item, i) => this.value(item, [...path, i], offsetOf(item)))
    this.#open.delete(node)
    return made
  }

  /** Counted each time one is followed: nine lines of aliases to aliases make a billion values. */
  #alias(node: Parameters<typeof offsetOf>[0] & { resolve(document: Document): unknown; source: string }, path: Path) {
    this.#aliases++
    if (this.#aliases > mostAliases) {
      // Said once; the rest of a bomb is not worth a line each.
      if (this.#aliases === mostAliases + 1)
        this.#refuse(offsetOf(node), 'more than 100 aliases (*name) are used', path)
      return undefined
    }
    const target = node.resolve(this.#document)
    if (target === undefined) {
      return this.#refuse(offsetOf(node), `no anchor &${node.source} stands before this alias`, path)
    }
    return this.value(target, path, offsetOf(node))
  }

  #scalar(node: Scalar, path: Path): unknown {
    const source = node.value
    if (typeof source !== 'string') return source
    if (!source.startsWith('file:') && !source.includes('${')) return source
    const { env, dir } = this.#context
    const secret = source.startsWith('file:')
    const result = secret ? substituteFile(source, env, dir) : substituteEnv(source, env)
    if ('problems' in result) {
      for (const problem of result.problems) this.#refuse(offsetOf(node), problem, path)
      return undefined
    }
    if (result.file !== undefined) this.#context.read(result.file)
    const value = secret || node.type !== 'PLAIN' || node.tag !== undefined ? result.text : resolvePlain(result.text)
    if (typeof value === 'string') for (const text of result.from) this.#context.hide(text)
    return value
  }

  #refuse(offset: number, message: string, path: Path): undefined {
    this.#context.error(offset, message, path)
    return undefined
  }
}

function refusalOf(name: string, made: Mapping): string | undefined {
  if (name === '__proto__') return 'the key __proto__ is not allowed'
  if (name === '<<') return 'merge keys (<<) are not supported; write the keys out'
  if (Object.hasOwn(made, name)) return `the key "${name}" stands here twice; remove one`
  return undefined
}

function offsetOf(node: unknown): number {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0
}
