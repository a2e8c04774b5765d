import type { PathPattern } from './path-pattern.ts'

class Node<T> {
  readonly literals = new Map<string, Node<T>>()
  named: Node<T> | undefined
  /** A pattern without `*` that ends here. */
  value: T | undefined
  /** By what stands before the `*` in its segment. */
  readonly tails = new Map<string, T>()
  /** Lengths of those, longest first. */
  lengths: number[] = []
}

interface Best<T> {
  value: T | undefined
  /** How many bytes of the path stand before the `*`. */
  length: number
}

/**
 * Patterns by segment. A walk sees each node at most once and goes no deeper than the deepest pattern, so the work is bounded by the
 * patterns that share a path's beginning: not by the number of routes, and not by what a client puts into a path.
 */
export class PathTrie<T> {
  readonly #root = new Node<T>()
  #empty = true

  /** The value kept for this shape, made if it is the first. */
  slot({ segments, tail }: PathPattern, make: () => T): T {
    this.#empty = false
    let node = this.#root
    for (const segment of segments) node = typeof segment === 'string' ? literal(node, segment) : anyName(node)
    if (tail === undefined) {
      node.value ??= make()
      return node.value
    }
    const known = node.tails.get(tail)
    if (known !== undefined) return known
    const made = make()
    node.tails.set(tail, made)
    if (!node.lengths.includes(tail.length)) node.lengths = [...node.lengths, tail.length].sort((a, b) => b - a)
    return made
  }

  /** Patterns without `*`; most literal first, segment by segment. */
  whole(path: string): T | undefined {
    return this.#empty ? undefined : whole(this.#root, path, 1)
  }

  /** Patterns with `*`; the longest beginning wins, and the more literal one of two as long. */
  longest(path: string): T | undefined {
    if (this.#empty) return undefined
    const best: Best<T> = { value: undefined, length: -1 }
    longest(this.#root, path, 1, best)
    return best.value
  }
}

function literal<T>(node: Node<T>, segment: string): Node<T> {
  let next = node.literals.get(segment)
  if (next === undefined) {
    next = new Node()
    node.literals.set(segment, next)
  }
  return next
}

function anyName<T>(node: Node<T>): Node<T> {
  node.named ??= new Node()
  return node.named
}

function whole<T>(node: Node<T>, path: string, at: number): T | undefined {
  const slash = path.indexOf('/', at)
  const segment = slash === -1 ? path.slice(at) : path.slice(at, slash)
  const exact = node.literals.get(segment)
  const named = segment === '' ? undefined : node.named // a name stands for something
  if (slash === -1) return exact?.value ?? named?.value
  const found = exact && whole(exact, path, slash + 1)
  return found ?? (named && whole(named, path, slash + 1))
}

function longest<T>(node: Node<T>, path: string, at: number, best: Best<T>): void {
  for (const length of node.lengths) {
    if (at + length <= best.length) break
    const value = at + length <= path.length ? node.tails.get(path.slice(at, at + length)) : undefined
    if (value === undefined) continue
    best.value = value
    best.length = at + length
    break
  }
  const slash = path.indexOf('/', at)
  if (slash === -1) return
  const segment = path.slice(at, slash)
  const exact = node.literals.get(segment)
  if (exact) longest(exact, path, slash + 1, best)
  if (node.named && segment !== '') longest(node.named, path, slash + 1, best)
}
